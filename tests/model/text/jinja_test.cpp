#include "model/text/jinja.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "tests/model/text/golden.h"

namespace peira::model {
namespace {

std::string render(const std::string& source,
                   const OrderedJson& variables = OrderedJson::object()) {
  return JinjaTemplate(source, "chat_template").render(variables);
}

std::string message_of(const std::string& source,
                       const OrderedJson& variables = OrderedJson::object(),
                       const TemplateLimits& limits = {}) {
  try {
    return "no error: " + JinjaTemplate(source, "chat_template").render(variables, limits);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    return error.what();
  }
}

// Expected texts: jinja2 3.1.6 as transformers sets it, tests/golden/text/make_jinja_golden.py.
TEST(Jinja, EqualsJinja2OnEveryConstruct) {
  const OrderedJson golden = test::text_golden("jinja.json");
  for (const OrderedJson& item : golden["cases"]) {
    const std::string source = item["template"].get<std::string>();
    if (item.contains("error")) {
      EXPECT_EQ(message_of(source, golden["vars"]).substr(0, 14), "chat_template:") << source;
      continue;
    }
    try {
      JinjaTemplate parsed(source, "chat_template");
      parsed.set_time("2026-02-03T04:05:06");
      EXPECT_EQ(parsed.render(golden["vars"]), item["out"].get<std::string>()) << source;
    } catch (const Error& error) {
      ADD_FAILURE() << source << "\n" << error.what();
    }
  }
}

TEST(Jinja, NamesThePlaceTheReasonAndTheExpression) {
  const OrderedJson messages = {{"message", {{"x", {{"z", 1}}}}}};
  EXPECT_EQ(message_of("a\nb\n{{ x.y }}"), "chat_template:3: 'x' is undefined in {{ x.y }}");
  EXPECT_EQ(message_of("{{ message.x.y.z }}", messages),
            "chat_template:1: 'dict object' has no attribute 'y' in {{ message.x.y.z }}");
  EXPECT_EQ(message_of("{%- if message.x.y.z\n   ==   1 -%}{% endif %}", messages),
            "chat_template:1: 'dict object' has no attribute 'y' in "
            "{%- if message.x.y.z == 1 -%}");
  EXPECT_EQ(message_of("{% if a %}\n{{ raise_exception('Roles must alternate') }}{% endif %}",
                       {{"a", true}}),
            "chat_template:2: Roles must alternate in {{ raise_exception('Roles must alternate') "
            "}}");
  EXPECT_EQ(message_of("{{ 'a' + 1 }}"),
            "chat_template:1: can only concatenate str (not \"int\") to str in {{ 'a' + 1 }}");
  EXPECT_EQ(message_of("{{ x.append(1) }}", {{"x", OrderedJson::array()}}),
            "chat_template:1: access to attribute 'append' of 'list' object is unsafe. in "
            "{{ x.append(1) }}");
  EXPECT_EQ(message_of("{{ 10 ** 5000 }}"),
            "chat_template:1: an integer has more than 4300 digits in {{ 10 ** 5000 }}");
  EXPECT_EQ(message_of("{% set a, b = [1] %}"),
            "chat_template:1: not enough values to unpack (expected 2, got 1) in "
            "{% set a, b = [1] %}");
  EXPECT_EQ(message_of("{% macro m() %}\n{{ 1 / 0 }}{% endmacro %}\n\n{{ m() }}"),
            "chat_template:2: division by zero in {{ 1 / 0 }}");
  EXPECT_EQ(message_of("{% include 'other' %}"),
            "chat_template:1: 'include' asks for another template, and a chat template stands "
            "alone in {% include 'other' %}");
  EXPECT_EQ(message_of("{{ 'x' | urlize }}"),
            "chat_template:1: the filters pprint, random, urlize and wordwrap are not supported in "
            "{{ 'x' | urlize }}");
}

TEST(Jinja, NamesWhatCannotBeRead) {
  EXPECT_EQ(message_of("\n{{ a b }}"),
            "chat_template:2: expected end of print statement, got 'b' in {{ a b }}");
  EXPECT_EQ(message_of("{% for x in y %}\n\n{% if x %}"),
            "chat_template:3: unexpected end of template; the innermost block needs 'elif' or "
            "'else' or 'endif' in {% if x %}");
  EXPECT_EQ(message_of("\n{% do x %}"),
            "chat_template:2: unknown or unsupported tag 'do'; supported are if, for, set, macro, "
            "call, filter, with, raw, generation, break and continue in {% do x %}");
  EXPECT_EQ(message_of("a {{ x | nope }}"),
            "chat_template:1: No filter named 'nope'. in {{ x | nope }}");
  EXPECT_EQ(message_of("{{ 'abc"), "chat_template:1: a string has no end in {{ 'abc");
  EXPECT_EQ(message_of("x {# note"), "chat_template:1: Missing end of comment tag in {# note");
  EXPECT_EQ(message_of("{{ a ! }}"), "chat_template:1: unexpected char '!' in {{ a ! }}");
}

// A tag of a page is not repeated whole: what fails in it is shown, on the line that it is on.
TEST(Jinja, ShowsTheFailingPartOfALongTag) {
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += "  '" + std::to_string(i) + " and more of it' ~\n";
  EXPECT_EQ(message_of("{{\n" + lines + "  nothing.at.all }}"),
            "chat_template:42: 'nothing' is undefined in {{ ... nothing.at ... }}");
  EXPECT_EQ(message_of("{%- set x =\n" + lines + "  1 % 0 -%}"),
            "chat_template:42: integer division or modulo by zero in {% ... 1 % 0 ... %}");
}

TEST(Jinja, KeepsTheOrderOfKeys) {
  const OrderedJson variables =
      parse_ordered_json(R"({"t": {"z": 1, "a": {"y": 2, "b": 3}}})", "t");
  EXPECT_EQ(render("{{ t | tojson }}", variables), R"({"z": 1, "a": {"y": 2, "b": 3}})");
}

// Each would run for ever, fill the memory or overflow the stack.
TEST(Jinja, StopsTemplatesThatMeanHarm) {
  const char* const loops =
      "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
      "{% endfor %}{% endfor %}{% endfor %}";
  EXPECT_NE(message_of(loops, {}, {.steps = 1'000'000}).find("takes more than"), std::string::npos);
  EXPECT_NE(message_of("{{ 'x' * 9000000000 }}").find("a text of more than"), std::string::npos);
  EXPECT_NE(message_of("{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
                       "{% set ns.x = ns.x ~ ns.x %}{% endfor %}")
                .find("a text of more than"),
            std::string::npos);
  EXPECT_NE(message_of("{% set ns = namespace(x=[1]) %}{% for i in range(99) %}"
                       "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x }}")
                .find("grow too large"),
            std::string::npos);
  EXPECT_NE(message_of("{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}"
                       "{% set ns.x = [ns.x] %}{% endfor %}")
                .find("nest too deeply"),
            std::string::npos);
  EXPECT_NE(message_of("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").find("too deeply"),
            std::string::npos);
  EXPECT_NE(message_of("{{ [1] * 99999999999 }}").find("grow too large"), std::string::npos);
  EXPECT_NE(message_of("{{ 'a'.ljust(9999999999) }}").find("a text of more than"),
            std::string::npos);
  EXPECT_NE(message_of("{{ '%999999999d' % 1 }}").find("wider than"), std::string::npos);
  EXPECT_NE(message_of("{{ " + std::string(100000, '(') + "1" + std::string(100000, ')') + " }}")
                .find("too deeply"),
            std::string::npos);
  EXPECT_NE(message_of("{{ 1" + std::string(100000, '+') + "1 }}").find("too deeply"),
            std::string::npos);
  std::string sum = "{{ 1";
  for (int i = 0; i < 100000; ++i) sum += " + 1";
  EXPECT_NE(message_of(sum + " }}").find("too deeply"), std::string::npos);
  std::string ifs;
  for (int i = 0; i < 100000; ++i) ifs += "{% if 1 %}";
  EXPECT_NE(message_of(ifs).find("too deeply"), std::string::npos);
}

TEST(Jinja, LetsGoOfValuesThatHoldEachOther) {
  EXPECT_EQ(render("{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}"
                   "{% set a.l = [a, b] %}{{ a.b.a.b is defined }}"),
            "True");
  EXPECT_EQ(render("{% set n = namespace(x=none) %}{% for i in range(9999) %}"
                   "{% set n.x = namespace(x=n.x) %}{% endfor %}{% set n.x = none %}ok"),
            "ok");
}

// Recursion, growth by powers and replacements that multiply.
TEST(Jinja, BoundsWhatGrows) {
  EXPECT_NE(
      message_of("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}").find("too deeply"),
      std::string::npos);
  EXPECT_NE(message_of("{% set ns = namespace(x='aa') %}{% for i in range(99) %}"
                       "{% set ns.x = ns.x.replace('a', ns.x) %}{% endfor %}")
                .find("limit"),
            std::string::npos);
  EXPECT_NE(message_of("{% set ns = namespace(x='<' | e) %}{% for i in range(99) %}"
                       "{% set ns.x = ns.x + ns.x %}{% endfor %}")
                .find("a text of more than"),
            std::string::npos);
  EXPECT_NE(message_of("{% set ns = namespace(x=3) %}{% for i in range(99) %}"
                       "{% set ns.x = ns.x ** 3 %}{% endfor %}")
                .find("more than 4300 digits"),
            std::string::npos);
  EXPECT_NE(message_of("{% set x = 10 ** 4000 %}{% set y = 10 ** 2000 + 1 %}"
                       "{% for i in range(99999) %}{% set z = x // y %}{% endfor %}",
                       {}, {.steps = 1'000'000})
                .find("takes more than"),
            std::string::npos);
  EXPECT_NE(message_of("{{ 'x'.expandtabs() ~ '\\t'.expandtabs(99999999999) }}").find("a text of"),
            std::string::npos);
}

TEST(Jinja, TellsTheTime) {
  JinjaTemplate clock("{{ strftime_now('%Y-%m-%d %H:%M:%S %A') }}", "chat_template");
  EXPECT_EQ(clock.render({}).substr(0, 2), "20");
  clock.set_time("2024-02-29");
  EXPECT_EQ(clock.render({}), "2024-02-29 00:00:00 Thursday");
  clock.set_time("1999-12-31T23:59:58");
  EXPECT_EQ(clock.render({}), "1999-12-31 23:59:58 Friday");
  for (const char* const wrong : {"", "2023-02-29", "2024-13-01", "2024-1-1", "2024-01-01T24:00:00",
                                  "2024-01-01 10:00:00", "today", "0024-01-01"}) {
    EXPECT_THROW(clock.set_time(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace peira::model
