#include "tests/bench/large_store.h"

#include <string>

#include "base/sqlite.h"
#include "runner/manifest.h"
#include "runner/store.h"

namespace peira::runner {

void make_large_store(const std::filesystem::path& path, std::int64_t num_samples) {
  Store store(path);
  Database database(path, Database::Mode::kReadWriteCreate);
  for (const std::string name : {"a", "b"}) {
    RunInfo info;
    info.id = name;
    info.suite = "bench";
    info.breakdowns = {"domain"};
    info.manifest = make_manifest({{"weights", name}});
    info.identity = manifest_identity(info.manifest);
    info.num_rows = info.expected_answers = num_samples;
    const Store::OpenedRun run = store.create_run(info);
    const std::string key = std::to_string(run.info.key);
    const std::string rows =
        "WITH RECURSIVE n(row) AS (SELECT 0 UNION ALL SELECT row + 1 FROM n WHERE row + 1 < " +
        std::to_string(num_samples) + ") ";
    database.execute("BEGIN");
    database.execute("INSERT INTO samples " + rows + "SELECT " + key +
                     ", row, printf('rec%014d', row * 7919), printf('rec%014d', row * 7919), "
                     "printf('%064x', row), printf('{\"domain\":\"%d\"}', row % 20) FROM n");
    database.execute(
        "INSERT INTO answers " + rows + "SELECT " + key +
        ", row, 0, iif(row % 250000 = 249999, 'failed', 'scored'), row % 250000 <> 249999 AND "
        "(row * 2654435761 + " +
        key +
        " * 97) % 1000 < 700, 'B', 'answer-letter', 'said B; gold is C', 0, 0, '', 'C', "
        "'[2,0,1,3]', 'stop', '', 200, 40, 0.5, 1, 0 FROM n");
    database.execute(
        "INSERT INTO transcripts(run, row, epoch, seed, shots, messages, prompt_text, "
        "prompt_tokens, response, reasoning, tokens, continuations, "
        "continuation_logprobs) " +
        rows + "SELECT " + key +
        ", row, 0, '1', '', printf('[{\"role\":\"user\",\"content\":\"question %d "
        "%s\"}]', row, hex(zeroblob(150))), '', x'', printf('reply %d %s', row, "
        "hex(zeroblob(250))), '', x'', '', x'' FROM n");
    database.execute("UPDATE runs SET answers = " + std::to_string(num_samples) + ", failures = " +
                     std::to_string(num_samples / 250000) + " WHERE key = " + key);
    database.execute("COMMIT");
    store.finish_run(run.info, true, "", {});
  }
}

}  // namespace peira::runner
