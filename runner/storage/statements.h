// Statements that every batch uses, prepared once.
#pragma once

#include <string>

#include "runner/storage/columns.h"
#include "runner/store.h"

namespace peira::runner {

struct Store::Statements {
  explicit Statements(const Database& database)
      : find_answer(database.prepare("SELECT state, value, prompt_tokens, completion_tokens, "
                                     "cached FROM answers WHERE run = ?1 AND row "
                                     "= ?2 AND epoch = ?3")),
        put_sample(database.prepare("INSERT OR IGNORE INTO samples VALUES(?,?,?,?,?,?)")),
        put_answer(database.prepare(
            "INSERT OR REPLACE INTO answers VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        put_transcript(database.prepare(
            "INSERT OR REPLACE INTO transcripts(run, row, epoch, seed, shots, messages, "
            "prompt_text, prompt_tokens, response, reasoning, tokens, continuations, "
            "continuation_logprobs) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)")),
        find_reply(database.prepare(
            std::string(
                "SELECT a.finish_reason, a.prompt_tokens, a.completion_tokens, a.latency_s, ") +
            columns::kTranscriptColumns +
            " FROM response_cache c CROSS JOIN answers a ON a.run = c.run AND a.row = c.row AND "
            "a.epoch = c.epoch CROSS JOIN transcripts t ON t.run = c.run AND t.row = c.row AND "
            "t.epoch = c.epoch WHERE c.key = ? AND (a.state <> 'failed' OR "
            "a.failure LIKE 'judge failure: %')")),
        put_cache_key(database.prepare("INSERT OR REPLACE INTO response_cache VALUES(?,?,?,?)")),
        add_counts(database.prepare(
            "UPDATE runs SET answers = answers + ?, failures = failures + ?, cached = cached + ?, "
            "value_sum = value_sum + ?, prompt_tokens = prompt_tokens + ?, completion_tokens = "
            "completion_tokens + ?, wall_s = wall_s + ? WHERE key = ?")) {}

  Statement find_answer, put_sample, put_answer, put_transcript, find_reply, put_cache_key,
      add_counts;
};

}  // namespace peira::runner
