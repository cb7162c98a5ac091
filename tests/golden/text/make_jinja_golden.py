"""Writes jinja.json: templates of our own, the variables they are given and what Jinja2 makes of them.

Jinja2 is set as transformers sets it for chat templates (transformers 5.17, jinja2 3.1.6). A case
that fails there has "error": true instead of a text. Run: python make_jinja_golden.py
"""
import datetime
import json
import pathlib

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_run"), [], [], body).set_lineno(line)

    def _run(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = datetime.datetime(2026, 2, 3, 4, 5, 6).strftime
    return env


VARS = {
    "a": 1, "b": 2.5, "s": "Hello World", "n": None, "t": True, "f": False, "e": "", "z": 0,
    "xs": [3, 1, 2], "ys": [], "words": ["beta", "Alpha", "gamma", "alpha"],
    "d": {"k": "v", "n": 1, "items": "shadowed"}, "u": "héllo wörld ✓ 日本 😀",
    "people": [{"name": "Bo", "age": 30, "tags": ["x"]}, {"name": "al", "age": 25}, {"name": "Cy", "age": 30, "tags": []}],
    "deep": {"a": {"b": [{"c": "found"}]}},
    "lines": "one\ntwo\n\nthree\n", "q": "it's \"quoted\" \\ \t", "html": "<a href='x'>&</a>",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                 {"role": "assistant", "content": "Hello!"}],
    "tool": {"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": [1, 2.0, None, True], "é": "ü\n<>&'\""}}},
    "big": 1e16, "small": 1e-5, "pi": 3.14159, "neg": -7,
}

T = []


def add(*templates):
    T.extend(templates)


# Text and white space.
add("", "plain", "plain\n", "plain\n\n", "a\r\nb\rc\n", "{{ a }}\n", "{{ a }}\n\n", "  {{ a }}  ",
    "{% if t %}\nx\n{% endif %}\ny", "  {% if t %}\n  x\n  {% endif %}\n  y", "a {%- if t %} b {% endif -%} c",
    "a  \n  {%- if t -%}  \n b \n {%- endif %}\n c", "  {%+ if t %}x{% endif %}", "{% if t +%}\nx{% endif %}",
    "x\n  {# note #}\ny", "x {#- note -#}  y", "x\n  {#+ note +#}\ny", "{# multi\nline #}z", "{{ '{{' }} {{ '%}' }}",
    "{% raw %}{{ a }} {% if %}{% endraw %}", "  {% raw %}\n x {{ y }} \n  {% endraw %}\n z", "a {%- raw -%}  b  {%- endraw -%} c",
    "{{- a -}}", " \n {{- a -}} \n ", "{% set x = 1 %}\n\n{{ x }}", "\t{% set x = 1 %}\t\n{{ x }}", "x{% set y = 1 %}\n  z",
    "{{ a }}{% if t %}\n{% endif %}|", "{%if t%}1{%endif%}", "{{a}}{{b}}", "{ a }{ {a} }", "a{b", "a{",
    "line1\n{%- for x in xs %}\n  {{ x }}\n{%- endfor %}\nend", "{% for x in xs %}\n  {{ x }},\n{% endfor %}\n", "x\n \n {% if t %}y{% endif %}",
    "日本 {%- if t %} x{% endif %}", "\u00a0{% if t %}x{% endif %}", "a\u3000{%- if t %}x{% endif %}")
# Literals and printing.
add("{{ 1 }} {{ 1.0 }} {{ 1e3 }} {{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1.5e-7 }} {{ 12345678901234567.0 }}",
    "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}", "{{ [1, 'a', 2.0, none, true] }}", "{{ (1,) }} {{ () }} {{ (1, 2) }} {{ 1, 2 }}",
    "{{ {'a': 1, 'b': [1, {'c': ()}]} }}", "{{ {1: 2, none: 3, 2.5: 'x', true: 'y'} }}", "{{ 'a' 'b' \"c\" }}",
    r"{{ 'tab\tnew\nq\'q\" \\ \x41 \u00e9 \101 \q' }}", "{{ [q] }} {{ [u] }} {{ ['\\x00\\x7f\\u200b'] }}", "{{ big }} {{ small }} {{ pi }} {{ neg }} {{ b }}",
    "{{ 0.1 + 0.2 }} {{ 1e22 }} {{ 1e15 }} {{ 123456789.123 }} {{ 1e100 }} {{ -0.0 }}", "{{ undefined_name }}|{{ d.missing }}|{{ xs[10] }}", "{{ d }} {{ people[0] }}",
    "{{ 5.0 }} {{ 100000000000000000000.0 }} {{ 0.0001 }} {{ 0.00001 }}")
# Operators.
add("{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }}",
    "{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ -a }} {{ +a }} {{ -2 ** 2 }} {{ not a }}",
    "{{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 'a' + 'b' }} {{ 'a' ~ 1 ~ none ~ true ~ 2.0 ~ [1] }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ true == 1 }} {{ none == false }} {{ 'a' != 'b' }} {{ 2 >= 2 }} {{ 2 <= 1 }}",
    "{{ 1 in xs }} {{ 9 not in xs }} {{ 'ell' in s }} {{ 'k' in d }} {{ 'zz' in d }} {{ '' in s }} {{ 'x' in undefined_name }}",
    "{{ a and b }} {{ z or e or 'last' }} {{ e and a }} {{ not e and t }} {{ n or 'dflt' }}", "{{ 'y' if t else 'n' }} {{ 'y' if f else 'n' }} {{ 'y' if f }}|", "{{ 1 if f else 2 if f else 3 }}",
    "{{ xs[0] }} {{ xs[-1] }} {{ xs[1:] }} {{ xs[:1] }} {{ xs[::-1] }} {{ xs[::2] }} {{ xs[-2:] }} {{ xs[5:] }} {{ xs[2:0:-1] }} {{ xs[:-1] }} {{ xs[-100:100] }}",
    "{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ u[1] }} {{ u[6:9] }} {{ u[::-1] }} {{ u[-1] }} {{ u[:-2] }} {{ 'abc'[1:][0] }}",
    "{{ deep.a.b[0].c }} {{ deep['a']['b'][0]['c'] }} {{ deep.a['b'].0.c }} {{ d.items() }} {{ d['items'] }} {{ d['keys']() | list }}", "{{ (1, 2, 3)[1:] }} {{ (1, 2)[0] }} {{ range(5)[1:3] }}",
    "{{ true + true }} {{ true * 3 }} {{ 1 - true }} {{ -true }}", "{{ 10 - 2 - 3 }} {{ 2 * 3 % 4 }} {{ 1 ~ 2 + 3 }} {{ 1 + 2 ~ 3 }}", "{{ a is defined and a == 1 }} {{ not a is defined }}", "{{ a == 1 or undefined_name.x }}",
    "{{ 'a' if a == 1 and b > 2 else 'b' }}", "{{ [1, 2] == [1, 2] }} {{ (1, 2) == [1, 2] }} {{ {'a': 1} == {'a': 1.0} }}")
# Statements.
add("{% if z %}a{% elif e %}b{% elif a %}c{% else %}d{% endif %}", "{% if f %}a{% else %}b{% endif %}", "{% if xs and not ys %}ok{% endif %}",
    "{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in xs %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}", "{% for x in xs %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
    "{% for x in ys %}x{% else %}empty{% endfor %}", "{% for x in xs if x > 1 %}{{ x }}:{{ loop.index }}/{{ loop.length }} {% else %}none{% endfor %}", "{% for x in xs if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }},{% endfor %}", "{% for c in 'añb' %}{{ c }}.{% endfor %}", "{% for x in undefined_name %}x{% else %}none{% endfor %}",
    "{% for x in xs %}{% for y in xs %}{{ loop.depth }}{{ x * y }} {% endfor %}|{% endfor %}", "{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in xs %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in xs %}{{ loop.cycle('odd', 'even') }} {% endfor %}", "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% set x = 0 %}{% for i in xs %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}", "{% set ns = namespace(x=0, y='q') %}{% for i in xs %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns.y }}",
    "{% set ns = namespace({'k': 1}) %}{% set ns.l = [] %}{% for i in xs %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.l }} {{ ns.k }} {{ ns.nope is defined }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x = (1, 2) %}{{ x }}", "{% set x %}block {{ a }}\n text{% endset %}[{{ x }}]", "{% set x | upper | trim %}  block {% endset %}[{{ x }}]",
    "{% if t %}{% set x = 5 %}{% endif %}{{ x }}", "{% for i in xs %}{% set x = i %}{% endfor %}{{ x is defined }}", "{% with x = 1, y = 2 %}{{ x + y }}{% endwith %}{{ x is defined }}", "{% set x = 1 %}{% with x = 2, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}",
    "{% macro m(a, b='dflt', c=a) %}[{{ a }}|{{ b }}|{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}{{ m(1, c=9) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(x) %}<{{ caller() }}:{{ x }}>{% endmacro %}{% call m(1) %}inside {{ a }}{% endcall %}", "{% macro m() %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) m() %}({{ y }}){% endcall %}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}", "{% set g = 'out' %}{% macro m() %}{{ g }}{% set g = 'in' %}{{ g }}{% endmacro %}{{ m() }}{{ g }}", "{% macro m() %}{{ later }}{% endmacro %}{% set later = 1 %}{{ m() }}",
    "{{ m is defined }}{% macro m() %}x{% endmacro %}{{ m is defined }}{{ m.name }}", "{% macro m(x) %}\n  {{ x }}\n{% endmacro %}\n{{ m(1) }}{{ m(2) }}", "{% filter upper %}abc {{ s }}{% endfilter %}", "{% filter replace('a', 'b') | title %}banana{% endfilter %}",
    "{% generation %}x{{ a }}{% endgeneration %}", "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}", "{% for x in xs %}{% set loop_x = loop.index %}{{ loop_x }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}{% for x in range(10, 0, -3) %}{{ x }},{% endfor %}",
    "{% set x = y = 1 %}", "{% for x in xs %}{% endfor %}{{ x is defined }}", "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{% set ns = namespace(found=false) %}{% for m in messages[::-1] %}{% if not ns.found and m.role == 'user' %}{% set ns.found = true %}{{ loop.index0 }}{% endif %}{% endfor %}",
    "{% macro a() %}A{% endmacro %}{% macro b() %}{{ a() }}B{% endmacro %}{{ b() }}", "{% for x in xs %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "{% if a == 1 %}{% macro m() %}1{% endmacro %}{% endif %}{{ m() }}")
# Filters.
add("{{ s | upper }} {{ s | lower }} {{ 'hELLO wORLD-x (y' | title }} {{ 'hELLO' | capitalize }} {{ '' | capitalize }}|{{ 'straße ǆ ﬁ' | upper }} {{ 'ΑΣ ΣΑ' | lower }}", "{{ '  x ' | trim }}| {{ 'xxaxx' | trim('x') }} {{ 5 | string }} {{ [1] | string }}",
    "{{ xs | length }} {{ s | count }} {{ u | length }} {{ d | length }} {{ undefined_name | length }}", "{{ undefined_name | default('x') }} {{ e | default('x') }}| {{ e | default('x', true) }} {{ n | default('x') }} {{ n | d('x', boolean=true) }} {{ undefined_name | d }}|",
    "{{ xs | first }} {{ xs | last }} {{ s | first }} {{ s | last }} {{ ys | first }}|{{ d | first }}", "{{ xs | join }} {{ xs | join(', ') }} {{ people | join(',', attribute='name') }} {{ s | join('-') }} {{ [1, none, 'a'] | join('|') }}",
    "{{ xs | sort }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ xs | sort(reverse=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} {{ people | sort(attribute='age,name') | map(attribute='name') | list }}",
    "{{ xs | reverse | list }} {{ s | reverse }} {{ u | reverse }}", "{{ people | map(attribute='name') | list }} {{ words | map('upper') | join(' ') }} {{ people | map(attribute='tags', default='-') | list }} {{ people | map(attribute='tags.0', default='-') | list }} {{ xs | map('string') | list }}",
    "{{ people | selectattr('age', 'equalto', 30) | map(attribute='name') | list }} {{ people | rejectattr('age', '>', 26) | map(attribute='name') | list }} {{ people | selectattr('tags') | list | length }} {{ people | selectattr('tags', 'defined') | list | length }}",
    "{{ xs | select('odd') | list }} {{ xs | reject('odd') | list }} {{ [0, 1, '', 'a', none] | select | list }} {{ [0, 1, none] | reject('none') | list }} {{ xs | select('in', [1, 2]) | list }}",
    "{{ xs | sum }} {{ people | sum(attribute='age') }} {{ ys | sum }} {{ xs | sum(start=10) }}", "{{ xs | max }} {{ xs | min }} {{ words | min }} {{ words | max }} {{ people | max(attribute='age') }} {{ ys | max }}|", "{{ words | unique | list }} {{ [1, 1, 2] | unique | list }} {{ words | unique(case_sensitive=true) | list }} {{ people | unique(attribute='age') | map(attribute='name') | list }}",
    "{{ -5 | abs }} {{ neg | abs }} {{ 2.5 | abs }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 42 | round }} {{ 42.55 | round(1, 'floor') }} {{ 42.55 | round(1, 'ceil') }} {{ 1234.5 | round(-2) }} {{ -0.4 | round }}",
    "{{ '42' | int }} {{ '42.9' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 3.9 | int }} {{ '0x1f' | int(base=16) }} {{ '1f' | int(0, 16) }} {{ none | int }} {{ true | int }} {{ ' 7 ' | int }} {{ '1_000' | int }} {{ '-3' | int }}", "{{ '2.5' | float }} {{ 'x' | float }} {{ 'x' | float(1.5) }} {{ 3 | float }} {{ '1e3' | float }} {{ 'inf' | float }} {{ '-nan' | float }}",
    "{{ s | replace('l', 'L') }} {{ s | replace('l', 'L', 1) }} {{ 'aaa' | replace('', '-') }} {{ 5 | replace('5', 'five') }}", "{{ lines | indent }}|{{ lines | indent(2, true) }}|{{ lines | indent(2, blank=true) }}|{{ lines | indent('> ') }}|{{ 'x' | indent(first=true) }}",
    "{{ d | items | list }} {{ undefined_name | items | list }} {{ d | dictsort }} {{ {'b': 1, 'A': 3, 'c': 2} | dictsort }} {{ {'b': 1, 'A': 3} | dictsort(true) }} {{ {'b': 1, 'a': 3} | dictsort(by='value', reverse=true) }}", "{{ 'abc' | list }} {{ d | list }} {{ (1, 2) | list }}",
    "{{ tool | tojson }}", "{{ tool | tojson(indent=2) }}", "{{ tool | tojson(ensure_ascii=true) }}", "{{ tool | tojson(separators=(',', ':'), sort_keys=true) }}", "{{ [1, 2.5, none, true, 'x', [], {}, [[]], 1e20, 1e-7] | tojson }} {{ [[], {}] | tojson(indent=4) }} {{ '\\x00\\x1f\\x7f\\u2028</script>' | tojson }}",
    "{{ (1, 2) | tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ '😀é' | tojson(ensure_ascii=true) }} {{ {'a': [1, {'b': 2}]} | tojson(indent=1) }} {{ [1] | tojson(indent='--') }} {{ [1,2] | tojson(indent=0) }}",
    "{{ html | e }} {{ html | escape }} {{ html | safe }} {{ html | forceescape }}", "{{ 'a b/c?d=é&f' | urlencode }} {{ {'a': 'b c', 'd': 1} | urlencode }} {{ [('x', '/')] | urlencode }}", "{{ 'the quick brown fox jumps over' | truncate(15) }} {{ 'the quick brown fox' | truncate(11, true) }} {{ 'the quick brown fox' | truncate(15, end='!', leeway=0) }} {{ 'short' | truncate(3, leeway=5) }}",
    "{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }} {{ [1, 2, 3, 4, 5] | slice(2) | list }} {{ [1, 2, 3] | slice(2, 'x') | list }}", "{{ 'ab' | center(6) }}| {{ 'one two  three_4 five-six' | wordcount }} {{ '%s is %d and %.2f' | format('x', 3, 2.5) }} {{ '%(a)s' | format(a=1) }}",
    "{% for g in people | groupby('age') %}{{ g.grouper }}:{{ g.list | map(attribute='name') | join(',') }};{% endfor %}{% for k, v in people | groupby('age') %}{{ k }}{{ v | length }}{% endfor %}", "{{ d | attr('k') is defined }} {{ s | attr('upper') is callable }}", "{{ xs | map('default', 'x') | list }} {{ [none, undefined_name] | map('default', 'x') | list }}",
    "{{ -1 | abs }} {{ (-1) | abs }} {{ 'a' ~ 'b' | upper }} {{ ('a' ~ 'b') | upper }} {{ 'x' | upper ~ 'y' }}", "{{ words | map('replace', 'a', 'o') | list }}", "{{ [[1, 2], [3, 4]] | map('sum') | list }} {{ [[2, 'b'], [1, 'a']] | sort | list }} {{ [[2, 'b'], [1, 'a']] | map(attribute=1) | list }} {{ [[2, 'b']] | map('first') | list }}",
    "{% set g = xs | map('string') %}{{ g | list }}{{ g | list }}", "{% if ys | select %}generator is true{% endif %}", "{{ xs | select('gt', 1) | list }} {{ people | selectattr('name', 'in', ['Bo', 'Cy']) | list | length }}")
# Tests.
add("{{ a is defined }} {{ x is undefined }} {{ n is none }} {{ s is string }} {{ d is mapping }} {{ xs is iterable }} {{ s is iterable }} {{ a is iterable }} {{ xs is sequence }} {{ d is sequence }} {{ a is sequence }} {{ s is sequence }}",
    "{{ a is number }} {{ t is number }} {{ b is number }} {{ a is integer }} {{ t is integer }} {{ b is float }} {{ t is boolean }} {{ a is boolean }} {{ t is true }} {{ f is false }} {{ a is true }}", "{{ 4 is even }} {{ 3 is odd }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ a is eq 1 }} {{ a is equalto(1) }} {{ a is ne 2 }} {{ 3 is gt 2 }} {{ 3 is lt(2) }} {{ 3 is ge 3 }} {{ 3 is le 2 }} {{ 1 is in xs }} {{ 1 is not in xs }}",
    "{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ n is sameas none }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }} {{ range is callable }} {{ s is callable }} {{ s is escaped }}", "{{ a is not defined }} {{ x is not defined }} {{ not x is defined }} {{ a is defined and x is undefined }} {{ d.k is defined }} {{ d.zz is defined }} {{ d.get('zz') is none }}", "{{ undefined_name is string }} {{ undefined_name is mapping }} {{ undefined_name is iterable }} {{ undefined_name is none }} {{ undefined_name is sequence }}")
# Methods.
add("[{{ '  a b ' .strip() }}] [{{ '  a '.lstrip() }}] [{{ ' a  '.rstrip() }}] [{{ 'xyaxy'.strip('xy') }}] [{{ '\\n\\na\\n'.strip('\\n') }}] [{{ '\u3000é\u00a0'.strip() }}]", "{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit(maxsplit=1) }} {{ ''.split() }} {{ ''.split(',') }}",
    "{{ s.startswith('Hell') }} {{ s.endswith('x') }} {{ s.startswith(('x', 'H')) }} {{ s.startswith('W', 6) }} {{ s.endswith('o', 0, 5) }}", "{{ s.replace('o', '0') }} {{ s.replace('o', '0', 1) }} {{ s.upper() }} {{ s.lower() }} {{ 'they\\'re bill\\'s'.title() }} {{ 'hELLO'.capitalize() }} {{ s.swapcase() }} {{ 'ß'.upper() }}",
    "{{ s.find('o') }} {{ s.find('zz') }} {{ s.rfind('o') }} {{ s.index('W') }} {{ s.count('l') }} {{ u.find('✓') }} {{ u.rfind('ö') }} {{ s.find('o', 5) }} {{ 'aaaa'.count('aa') }} {{ 'abc'.count('') }}", "{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }} {{ 'prefix_x'.removeprefix('prefix_') }} {{ 'x.py'.removesuffix('.py') }}",
    "{{ lines.splitlines() }} {{ 'a\\r\\nb\\x0bc'.splitlines(true) }} {{ '-'.join(['a', 'b']) }} {{ ''.join([]) }} {{ 'x'.zfill(3) }} {{ '-5'.zfill(4) }} {{ 'x'.ljust(3) }}| {{ 'x'.rjust(3, '*') }} {{ 'ab'.center(5, '-') }} {{ 'abc'.center(6, '-') }}", "{{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' '.isspace() }} {{ 'AB'.isupper() }} {{ 'aB'.islower() }} {{ ''.isdigit() }} {{ 'A b'.istitle() }} {{ 'Ab C'.istitle() }} {{ '½'.isnumeric() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ 'é'.isascii() }}",
    "{{ '{} {}'.format(1, 'b') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x:>5}|{x:<5}|{x:^5}'.format(x='ab') }} {{ '{:05d} {:.2f} {:,} {:x} {:+}'.format(42, 3.14159, 1234567, 255, 5) }} {{ '{{}} {!r}'.format('q') }} {{ '{a.k} {a[k]}'.format(a=d) }} {{ '{:%}'.format(0.5) }} {{ '{:e}'.format(12345.678) }} {{ '{:08.3f}'.format(-3.14159) }} {{ '{:*^9}'.format('x') }}", "{{ '%s %r %d %5d|%-5d|%05d %.3f %x %%' % ('a', 'b', 3, 4, 5, 6, 2.5, 255) }} {{ '%s' % 'x' }} {{ '%s' % [1] }} {{ '%d%%' % 50 }} {{ '%(k)s' % d }}",
    "{{ d.get('k') }} {{ d.get('zz') }} {{ d.get('zz', 'dflt') }} {{ d.keys() | list }} {{ d.values() | list }} {{ d.items() | list }} {{ d.keys() }} {{ d.values() }}", "{{ xs.count(1) }} {{ xs.index(2) }} {{ (1, 2, 1).count(1) }} {{ xs.copy() }} {{ d.copy() }}", "{{ 'content' in messages[0] }} {{ messages[0]['content'].split('.')[0] }} {{ messages | map(attribute='role') | list }} {{ (messages | selectattr('role', 'equalto', 'user') | list)[0].content }} {{ messages | length - 1 }}",
    "{{ dict(a=1, b='x') }} {{ dict([('k', 1)]) }} {{ dict({'a': 1}, b=2) }} {{ dict(d, **{'x': 1}) }}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('; ') %}{{ j() }}1{{ j() }}2{{ j() }}3", "{{ strftime_now('%Y-%m-%d') }}", "{{ range(3) | list }} {{ range(3) }} {{ range(1, 7, 2) | list }} {{ range(0) | list }} {{ 2 in range(3) }} {{ range(3) | length }}", "{{ [1, 2, 3][xs | length - 1] }} {{ xs[a] }} {{ d['k'] }} {{ d[undefined_name] }}|")
# What fails.
add("{{ undefined_name.x }}", "{{ undefined_name['x'] }}", "{{ undefined_name() }}", "{{ undefined_name + 1 }}", "{{ 'a' + 1 }}", "{{ 1 + 'a' }}", "{{ n + 1 }}", "{{ raise_exception('no') }}", "{{ xs.append(1) }}", "{{ d.update({}) }}", "{{ d.pop('k') }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 'a' < 1 }}", "{{ n < 1 }}", "{{ 1 in 1 }}", "{{ 1 in 'a' }}", "{{ undefined_name | tojson }}", "{{ range(1000000) | list }}",
    "{{ xs | nope }}", "{{ xs is nope }}", "{% nope %}", "{% if t %}", "{% endif %}", "{{ a", "{% if t", "{# x", "{% raw %}x", "{{ }}", "{{ a b }}", "{{ (1 }}", "{{ [1 }}", "{{ 'a }}", "{{ a. }}", "{{ 1 + }}", "{% for x xs %}{% endfor %}", "{% for x in a %}{% endfor %}", "{% for x in n %}{% endfor %}", "{% for a, b in xs %}{% endfor %}", "{% set a, b = xs %}", "{% set x.y = 1 %}", "{% set d.k = 2 %}", "{% break %}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{% set true = 1 %}", "{{ a is defined is defined }}", "{{ s.nope() }}", "{{ s() }}", "{{ d.nope() }}", "{{ xs | map(attribute='x') | first | upper }}|", "{{ xs | sort(attribute='x') }}", "{{ ['a', 1] | sort }}", "{{ s.index('zz') }}", "{{ 'a'.split('') }}", "{{ {[1]: 2} }}", "{{ 'x' | round }}", "{{ a[0] }}|", "{{ a.b }}|", "{{ a.b.c }}", "{% do x %}", "{% include 'x' %}", "{{ $ }}", "{{ a ! b }}", "{% else %}", "{% for x in xs %}{% else %}", "{{ xs | length() }} {{ xs | join(d='-') }}", "{{ (xs | map('string')) | length }}", "{{ a | length }}", "{% filter nope %}x{% endfilter %}", "{{ '%d' % 'x' }}", "{{ '%s %s' % 'x' }}", "{{ '%s' % (1, 2) }}", "{{ '{}'.format() }}", "{{ loop }}|", "{{ -s }}", "{{ not }}", "{{ a = 1 }}", "{{ xs[::0] }}", "{{ 'a' * 'b' }}", "{{ [1] + (2,) }}", "{{ [] - [] }}", "{{ s | int / 0 }}")
# Conditions in assignments, and others that real templates write.
add("{% set x = 'a' if t else 'b' %}{{ x }}", "{% set x = 'a' if f %}{{ x }}|", "{% set x, y = 1, 2 if f else 3 %}{{ x }}{{ y }}", "{% set ns = namespace(x=1) %}{% set ns.x = 'y' if d is mapping else 'n' %}{{ ns.x }}",
    "{% set x = d | tojson | safe if d is mapping or (d is sequence and d is not string) else d | string %}{{ x }}", "{% set ns = namespace() %}{% set ns.a, y = 1, 2 %}{{ ns.a }}{{ y }}", "{{ n | selectattr('x') | list }} {{ n | map('upper') | list }} {{ 0 | reject | list }}",
    "{{ xs | map('nope') is defined }}", "{{ xs | map('nope') | list }}", "{{ [people[0], 5] | map(attribute='name.x.y') | first }}", "{{ ['a', 1] | map('upper') | first }}", "{% for x in xs if x is odd %}{{ loop.previtem }}{{ x }}{{ loop.nextitem }},{% endfor %}",
    "{% for a in xs %}{% for b in xs %}{{ loop.index }}{% endfor %}{{ loop.index }}|{% endfor %}", "{% for x in xs %}{% set y %}{% break %}{% endset %}{{ x }}{% endfor %}|", "{% for x in xs %}{% filter upper %}a{% if x == 1 %}{% continue %}{% endif %}b{% endfilter %}{% endfor %}", "{% for x in xs %}{% with y = x %}{% if y == 1 %}{% break %}{% endif %}{{ y }}{% endwith %}{% endfor %}")
# Recursive loops.
TREE = "[{'n': 'a', 'c': [{'n': 'b', 'c': []}, {'n': 'c', 'c': [{'n': 'd', 'c': []}]}]}, {'n': 'e', 'c': []}]"
add("{% for x in " + TREE + " recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.index }}{{ x.n }}({{ loop(x.c) }}){% endfor %}", "{% for x in " + TREE + " recursive %}{{ '  ' * loop.depth0 }}{{ x.n }}\n{{ loop(x.c) }}{% else %}-\n{% endfor %}", "{% for x in " + TREE + " if x.n != 'b' recursive %}{{ x.n }}{{ loop(x.c) }}{% endfor %}",
    "{% set o = 'out' %}{% for x in [[1, [2]], [3]] recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}{{ o }}{% endif %}{% endfor %}", "{% for x in xs %}{{ loop(xs) }}{% endfor %}", "{% for x in [[1], [2]] recursive %}{% for y in x %}{{ y }}{{ loop.depth }}{% endfor %}{% endfor %}", "{% for k, v in {'a': {'b': {'c': {}}}}.items() recursive %}<{{ k }}>{{ loop(v.items()) }}</{{ k }}>{% endfor %}",
    "{% for x in [1] recursive %}{{ loop() }}{% endfor %}", "{% for loop in xs %}{% endfor %}", "{% for x in [[]] recursive %}{{ loop(x) }}{% break %}{% else %}none{% endfor %}")
# Integers of any size.
add("{{ 9223372036854775807 + 1 }} {{ -9223372036854775807 - 2 }} {{ 99999999999999999999 * 99999999999999999999 }} {{ 2 ** 100 }} {{ (-3) ** 101 }} {{ 7 ** 200 % 1000007 }}", "{{ (10 ** 40) // (10 ** 20 + 1) }} {{ -(10 ** 40) // (10 ** 20 + 1) }} {{ -(10 ** 40) % (10 ** 20 + 1) }} {{ (10 ** 40) % -(10 ** 20 + 1) }} {{ 10 ** 40 / 10 ** 39 }} {{ 10 ** 20 - 10 ** 20 }}",
    "{{ 2 ** 64 == 2.0 ** 64 }} {{ 2 ** 53 + 1 == 2.0 ** 53 }} {{ 2 ** 64 > 1e19 }} {{ 2 ** 64 < 1e300 }} {{ 2 ** 70 < 2 ** 71 }} {{ -(2 ** 70) < 0 }} {{ 2 ** 70 in [2 ** 70] }} {{ {2 ** 70: 'x'}[2 ** 70] }} {{ [2 ** 70, 1, 2 ** 65] | sort }}", "{{ 2 ** 70 | tojson }} {{ {'a': 2 ** 70} | tojson }} {{ '%d %x %5d' % (2 ** 70, 2 ** 70, 3) }} {{ '{:,} {:x} {:+d}'.format(2 ** 70, 2 ** 66, 2 ** 65) }} {{ '123456789012345678901234567890' | int }} {{ '-0xffffffffffffffffffff' | int(base=16) }} {{ 1e25 | int }} {{ (2 ** 70) | float }} {{ -(2 ** 70) | abs }} {{ (-(2 ** 70)) | abs }}",
    "{{ 2 ** 70 is integer }} {{ 2 ** 70 is number }} {{ 2 ** 70 is odd }} {{ (2 ** 70 + 1) is odd }} {{ 2 ** 70 is divisibleby 1024 }} {{ not 2 ** 70 }} {{ (2 ** 70) | round(-3) }} {{ 1250 | round(-2) }} {{ 1350 | round(-2) }} {{ (2 ** 70) | string | length }}", "{{ 0xFFFFFFFFFFFFFFFFFFFF }} {{ 12345678901234567890123 }} {{ [10 ** 20, 10 ** 21] | sum }} {{ xs[10 ** 20] }}| {{ xs[:10 ** 20] }} {{ xs[-10 ** 20:] }} {{ 'ab' * -(10 ** 2) }}|", "{{ 2 ** 70 / 0 }}", "{{ 2 ** 70 // 0 }}", "{{ 2 ** 70 + 0.5 }} {{ 2 ** 70 * 1.5 }} {{ 10 ** 400 * 1.0 }}", "{{ 10 ** 400 / 10 ** 399 }}", "{{ '1e400' | float | int }}",
    "{{ (255).bit_length() }} {{ (2 ** 70).bit_length() }} {{ (2.0).is_integer() }} {{ (2.5).is_integer() }}", "{{ 10 ** 5000 }}")
# Texts that count as HTML.
add("{{ html | e | e }} {{ html | escape | forceescape }} {{ html | e is escaped }} {{ s is escaped }} {{ [html | e] }}", "{{ ('<a>' | e) + '<b>' }} {{ '<b>' + ('<a>' | e) }} {{ ('<a>' | safe) + '<b>' }} {{ ('<a>' | safe) ~ '<b>' }} {{ ('<i>' | safe) * 2 + '&' }} {{ ('<%s>' | safe) % '<x>' }} {{ ('<%s %d>' | safe) % ('&', 3) }} {{ ('%(k)s<' | safe) % {'k': '<'} }}",
    "{{ (('<b>' | safe).upper() + '<') }} {{ ('<b>' | safe).replace('b', '<') }} {{ ('<b> ' | safe).strip() + '&' }} {{ ('<>' | safe).join(['<', 'a' | safe]) }} {{ ('{}<{x}' | safe).format('<', x='&') }} {{ ('a<b' | safe).split('<') }} {{ ('<' | safe).partition('x') }} {{ ('ab' | safe)[0] + '<' }} {{ ('ab' | safe)[::-1] + '<' }} {{ ('a' | safe).center(5, '<') }}",
    "{{ ('<b>' | safe | upper) + '<' }} {{ ('<b>' | safe | trim) + '<' }} {{ ('<b>' | safe | title) + '<' }} {{ ('<b>' | safe | replace('b', '<')) + '<' }} {{ (['<' | safe, '<'] | join('&')) + '<' }} {{ ('<b>\nx' | safe | indent) + '<' }} {{ ('<b>' | safe | string) + '<' }} {{ ('%s' | safe | format('<')) + '<' }} {{ ('<b>' | safe | reverse) + '<' }} {{ ('<bcdefgh>' | safe | truncate(4, true, '<', 0)) }} {{ ('<b>' | safe | capitalize) + '<' }} {{ ('x' | safe | center(5)) + '<' }}",
    "{{ ('<' | safe) == '<' }} {{ ('<' | safe) in ['<'] }} {{ {'<': 1}['<' | safe] }} {{ '<' | safe | tojson }} {{ '<' | safe | length }} {{ '<' | safe is string }} {{ ('<' | safe) + 1 }}", "{{ d | safe }} {{ 5 | e }} {{ none | e }} {{ undefined_name | e }}|", "{{ {'a': '<', 'b': none, 'c': 1, 'é': '\"'} | xmlattr }} {{ {'a': 1} | xmlattr(false) }} {{ {} | xmlattr }}|", "{{ {'a b': 1} | xmlattr }}",
    "{{ '<p>a  &lt;b&gt; <!-- <x> -->\n c</p> &amp; &#39;' | striptags }} {{ '<b' | striptags }}")
# More filters and methods.
add("{{ 1 | filesizeformat }} {{ 13 | filesizeformat }} {{ 13000 | filesizeformat }} {{ 1300000 | filesizeformat }} {{ 13000000000 | filesizeformat }} {{ 1500 | filesizeformat(true) }} {{ '4096' | filesizeformat(binary=true) }} {{ 1e30 | filesizeformat }}", "{{ 'a\tb\n\tc'.expandtabs() }} {{ 'a\tb'.expandtabs(3) }} {{ 'ab1'.isidentifier() }} {{ '1a'.isidentifier() }} {{ '{k} {n}'.format_map(d) }}",
    "{{ '{0[0]} {0[-1]} {1.k}'.format([7, 8], d) }}", "{{ '{0[1]}'.format([7, 8]) }}", "{{ xs.append is defined }} {{ xs.append }}| {{ s.__class__ }}| {{ d.pop is defined }}", "{{ s.__class__.__mro__ }}", "{% macro m(a, b=1) %}{{ varargs }}{{ kwargs }}{{ caller() }}{% endmacro %}{{ m.name }} {{ m.arguments }} {{ m.catch_varargs }} {{ m.catch_kwargs }} {{ m.caller }}",
    "{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}", "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%A %B %j %H:%M:%S %p %y %U %% %e') }} {{ strftime_now('%f|%z|%Z|') }} {{ strftime_now('') }}|", "{{ people | groupby('tags.0', default='-') | map('first') | list }}", "{{ xs | attr('count') is callable }} {{ d | attr('items') is callable }} {{ 5 | attr('x') is defined }}", "{{ (xs | select('odd') | list)[0] }} {{ xs | batch(2) | map('list') | list }}",
    "{{ [1, 2] <= [1, 2] }} {{ 'nan' | float <= 1 }} {{ ('nan' | float) == ('nan' | float) }} {{ 1 is le 1 }} {{ 2 is ge 3 }}", "{{ f(a=1, a=2) }}", "{{ ['b', 'A'] | sort | join }} {{ [none, none] | unique | list }}")
add("{{ d[[1]] is defined }} {{ d[{}] is defined }} {{ d[(1, 2)] is defined }}", "{{ [1] in d }}", "{% for x in xs %}{% break %}{% else %}none came to its end{% endfor %}", "{% for x in xs %}{% continue %}{% else %}none came to its end{% endfor %}", "{{ (2 ** 62 + 1) / 3 }} {{ 9007199254740993 / 1 }} {{ -(2 ** 63) / 7 }}")
# Names that do not exist: at once, under an if when met.
add("{% if f %}{{ x | nope }}{% endif %}ok", "{% if t %}{{ x | nope }}{% endif %}", "{% if f %}{{ x is nope }}{% endif %}ok", "{{ (x | nope) if f else 'ok' }}", "{% for y in [] %}{{ x | nope }}{% endfor %}", "{% if f %}{% for y in xs %}{{ x | nope }}{% endfor %}{% endif %}", "{% macro m() %}{{ x | nope }}{% endmacro %}ok", "{% if 'nope' is filter %}{{ x | nope }}{% else %}without{% endif %}", "{% if f %}{% for y in xs | nope %}{% endfor %}{% endif %}ok", "{% if f %}{% set x %}{{ 1 | nope }}{% endset %}{% endif %}", "{% if f %}a{% elif x is nope %}b{% endif %}")
# Other templates: refused where they are asked for.
add("{% if f %}{% include 'x' %}{% endif %}ok", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% if f %}{% import 'x' as y %}{% endif %}ok", "{% for x in xs %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "{% generation %}a{% set q = 1 %}{% endgeneration %}{{ q is defined }}")
# Like real chat templates.
add("""{{ bos_token }}{% for message in messages %}
{% if message['role'] == 'system' %}
<<SYS>>{{ message['content'] | trim }}<</SYS>>
{% elif message.role == 'user' %}
[INST] {{ message.content }} [/INST]
{%- else %}
 {{ message.content }}{{ eos_token }}
{%- endif %}
{% endfor %}
{%- if add_generation_prompt %}<assistant>{% endif %}
""", """{%- if messages[0]['role'] == 'system' -%}
  {%- set system = messages[0]['content'] -%}{%- set rest = messages[1:] -%}
{%- else -%}
  {%- set rest = messages -%}
{%- endif -%}
{%- for m in rest -%}
  {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception('roles must alternate') }}{%- endif -%}
  {{ '<' + m['role'] + '>' + (system + '\\n' if loop.first and system is defined else '') + m['content'] | trim + '</>' }}
{%- endfor -%}
""", """{%- macro render(schema, depth=0) -%}
{%- for key, value in schema.items() %}
{{ '  ' * depth }}{{ key }}:
{%- if value is mapping %}{{ render(value, depth + 1) }}
{%- elif value is string %} "{{ value }}"
{%- elif value is iterable %} [{% for x in value %}{{ x | tojson }}{{ ', ' if not loop.last }}{% endfor %}]
{%- else %} {{ value }}
{%- endif -%}
{%- endfor -%}
{%- endmacro -%}
{{ render(tool) }}
""", """{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{% if p.type == 'image' or 'image' in p %}<img>{% elif 'text' in p %}{{ p.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}""")


def main():
    cases = []
    for template in T:
        case = {"template": template, "vars": VARS}
        try:
            case["out"] = environment().from_string(template).render(**VARS)
        except Exception as error:  # any failure counts
            case["error"] = True
        cases.append(case)
    texts = [{k: v for k, v in c.items() if k != "vars"} for c in cases]
    path = pathlib.Path(__file__).with_name("jinja.json")
    path.write_text(json.dumps({"made_with": "jinja2 " + jinja2.__version__, "vars": VARS, "cases": texts},
                               ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(len(texts), "cases,", sum("error" in c for c in texts), "of them failures")


if __name__ == "__main__":
    main()
