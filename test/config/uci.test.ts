import { test } from 'node:test';
import assert from 'node:assert/strict';
import { MAX_UCI_TEXT, parseUci, sectionLabel, type UciDocument } from '../../src/config/index.ts';

/** The document as lines: `type name: option=value list+=value,value`, with `!` behind a damaged section. */
function shown(document: UciDocument): string[] {
  return document.sections.map((section) => {
    const options = [...section.options.values()].map((option) => `${option.name}${option.list ? '+=' : '='}${option.values.map((value) => value.text).join('|')}`);
    return [`${section.type}${section.anonymous ? '' : ` ${section.name}`}${section.damaged ? '!' : ''}:`, ...options].join(' ');
  });
}

const C = "config t 'n'\n";
/** Rows of libuci's behaviour (file.c of libuci): what, text, document. None has a problem. */
const GOOD: readonly (readonly [string, string, readonly string[]])[] = [
  ['nothing', '', []],
  ['comments and empty lines', '# a\n\n   # b\n\t\n', []],
  ['the package line is ignored', "package mobiked\nconfig t 'n'\n", ['t n:']],
  ['keywords may be one letter', "p x\nc t n\no a 1\nl b 2\n", ['t n: a=1 b+=2']],
  ['unquoted words', 'config t n\noption a b\n', ['t n: a=b']],
  ['single quotes are literal', `${C}option a 'x\\y "z" # ;'\n`, ['t n: a=x\\y "z" # ;']],
  ['double quotes escape with a backslash', `${C}option a "x\\"y\\\\z 'q'"\n`, [`t n: a=x"y\\z 'q'`]],
  ['a backslash outside quotes escapes', `${C}option a x\\ y\\'z\n`, ["t n: a=x y'z"]],
  ["uci export's way of a single quote", `${C}option a 'it'\\''s'\n`, ["t n: a=it's"]],
  ['words that touch are one', `${C}option a 'b'"c"d\n`, ['t n: a=bcd']],
  ['a comment behind a value', `${C}option a 'b' # c\n`, ['t n: a=b']],
  ['a comment that touches a quoted value', `${C}option a 'b'#c\n`, ['t n: a=b']],
  ['a semicolon ends a command', "config t n; option a 1;option b '2;3'\n", ['t n: a=1 b=2;3']],
  ['backslash-newline continues a line', `${C}option a \\\nb\n`, ['t n: a=b']],
  ['backslash-newline inside a word and inside double quotes', `${C}option a b\\\nc\noption d "e\\\nf"\n`, ['t n: a=bc d=ef']],
  ['backslash-newline with CRLF', `${C}option a b\\\r\nc\n`, ['t n: a=bc']],
  ['quotes run over lines', `${C}option a 'b\n c'\noption d "e\nf"\n`, ['t n: a=b\n c d=e\nf']],
  ['CRLF line ends', "config t 'n'\r\noption a 'b'\r\noption c d\r\n", ['t n: a=b c=d']],
  ['no newline at the end', "config t 'n'\noption a 'b'", ['t n: a=b']],
  ['tabs, form feeds and vertical tabs are blanks', 'config\tt\t n\n\f\voption\ta\tb\n', ['t n: a=b']],
  ['a repeated option overrides', `${C}option a 1\noption a 2\n`, ['t n: a=2']],
  ['an option with an empty value is ignored', `${C}option a 1\noption a ''\noption b ''\noption c\n`, ['t n: a=1']],
  ['a list keeps empty values', `${C}list a ''\nlist a\n`, ['t n: a+=|']],
  ['lists grow', `${C}list a 1\nlist a 2\n`, ['t n: a+=1|2']],
  ['list after option makes a list of both', `${C}option a 1\nlist a 2\n`, ['t n: a+=1|2']],
  ['option after list replaces it', `${C}list a 1\nlist a 2\noption a 3\n`, ['t n: a=3']],
  ['a later section of the same name and type merges', "config t n\noption a 1\noption b 1\nconfig t m\nconfig t n\noption b 2\n", ['t n: a=1 b=2', 't m:']],
  ['anonymous sections do not merge', 'config t\noption a 1\nconfig t\noption a 2\n', ['t: a=1', 't: a=2']],
  ['an empty name is no name', "config t ''\noption a 1\n", ['t: a=1']],
  ['UTF-8 in values', `${C}option a 'Zürich – 東京'\n`, ['t n: a=Zürich – 東京']],
  ['an option may be called like a property of every object', `${C}option __proto__ 1\noption constructor 2\n`, ['t n: __proto__=1 constructor=2']],
];

for (const [what, text, want] of GOOD) {
  test(`UCI: ${what}`, () => {
    const document = parseUci(text);
    assert.deepEqual(document.problems, []);
    assert.deepEqual(shown(document), want);
  });
}

/** Rows of bad text: what, text, what is kept, problems as `line message`. */
const BAD: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ['an option before any section, said once', 'option a b\noption c d\nconfig t n\n', ['t n:'], ["1 'option' before the first 'config' line"]],
  ['an unknown word loses the place: what follows may belong anywhere', `${C}frobnicate\noption a 1\nconfig t m\noption b 2\n`, ['t n!:', 't m: b=2'], ["2 a line must begin with 'config', 'option' or 'list'"]],
  ['a misspelt option damages its section only', `${C}optoin a 1\noption b 2\nconfig t m\n`, ['t n!: b=2', 't m:'], ["2 unknown word 'optoin'; did you mean 'option'?"]],
  ['a misspelt config is a section of its own', `${C}confg t 'm'\noption a 1\n`, ['t n:', 't m!: a=1'], ["2 unknown word 'confg'; did you mean 'config'?"]],
  ['a misspelt config does not merge', `${C}option a 1\nconfgi t 'n'\noption a 2\n`, ['t n: a=1', 't n!: a=2'], ["3 unknown word 'confgi'; did you mean 'config'?"]],
  ['a quoted keyword is none', `${C}'option' a 1\n`, ['t n!:'], ["2 a line must begin with 'config', 'option' or 'list'"]],
  ['a quote without an end', `${C}option a 'b\noption c d\n`, ['t n!: c=d'], ['2 a quote is opened here and not closed']],
  ['a quote without an end swallows no section', `${C}option a "b\n\nconfig t m\noption c 'd'\n`, ['t n!:', 't m: c=d'], ['2 a quote is opened here and not closed']],
  ['a quote without an end in a section name', "config t 'n\noption c 'd'\n", ['t n!: c=d'], ['1 a quote is opened here and not closed']],
  ['a backslash at the end of an open quote', `${C}option a "b\\`, ['t n!:'], ['2 a quote is opened here and not closed']],
  ['a NUL octet, bare and quoted', `${C}option a b\0c\noption d 'e\0f'\noption g h\n`, ['t n!: g=h'], ['2 the line holds a NUL octet', '3 the line holds a NUL octet']],
  ['too many words', `${C}option a b c\n`, ['t n!:'], ['2 too many words; a value with blanks needs quotes']],
  ['too many words in a header', 'config t n m\noption a 1\n', ['t n!: a=1'], ['1 too many words; a name with blanks needs quotes']],
  ['config without type', 'config\noption a 1\n', [], ["1 'config' needs a section type, such as: config connection 'hq'"]],
  ['a name libuci refuses', "config t 'a-b'\noption a 1\n", ['t a-b!: a=1'], ["1 a section name may hold only letters, digits and '_'"]],
  ['an option name libuci refuses', `${C}option a-b 1\n`, ['t n!:'], ["2 an option name may hold only letters, digits and '_'"]],
  ['an option without name', `${C}option\nlist ''\n`, ['t n!:'], ["2 'option' needs a name and a value", "3 'list' needs a name and a value"]],
  ['names are unique across types', "config t 'n'\nconfig u 'n'\n", ['t n:', 'u n!:'], ["2 the name is taken by t 'n' of line 1; UCI names are unique in a file"]],
  ["an unquoted '#' cuts a value", `${C}option a b#c\n`, ['t n: a=b'], ["2 an unquoted '#' starts a comment and cuts the value here; put the value in quotes"]],
];

for (const [what, text, want, problems] of BAD) {
  test(`UCI: ${what}`, () => {
    const document = parseUci(text);
    assert.deepEqual(document.problems.map((problem) => `${problem.line} ${problem.message}`), problems);
    assert.deepEqual(shown(document), want);
  });
}

test('UCI: anonymous sections are named and labelled as libuci does', () => {
  // On a router: system.cfg01e48a; wireless.cfg033579 is the first wifi-iface behind two named sections.
  assert.equal(parseUci('config system\n').sections[0]?.name, 'cfg01e48a');
  const wireless = parseUci("config wifi-device 'radio0'\nconfig wifi-iface 'x'\nconfig wifi-iface\n").sections;
  assert.equal(wireless[2]?.name, 'cfg033579');
  assert.deepEqual(wireless.map(sectionLabel), ["wifi-device 'radio0'", "wifi-iface 'x'", 'wifi-iface @wifi-iface[1]']);
});

test('UCI: every section, option and value knows its line', () => {
  const [section] = parseUci("\nconfig t 'n'\n\n\toption a 'x\ny'\n\tlist b 1\n\n\tlist b \\\n2\n").sections;
  assert.equal(section?.line, 2);
  assert.equal(section?.options.get('a')?.line, 4);
  assert.deepEqual(section?.options.get('b')?.values, [{ text: '1', line: 6 }, { text: '2', line: 8 }]);
});

test('UCI: bounds: text, sections, problems', () => {
  assert.deepEqual(parseUci(' '.repeat(MAX_UCI_TEXT + 1)).problems.map((problem) => problem.message), [`the file is larger than ${MAX_UCI_TEXT} characters`]);
  const sections = parseUci('config t\n'.repeat(2000));
  assert.equal(sections.sections.length, 1000);
  assert.ok(sections.problems.length > 0);
  const problems = parseUci('config t\noption\n'.repeat(900)).problems;
  assert.equal(problems.length, 501);
  assert.equal(problems[500]?.message, 'too many problems; the rest of the file is not reported');
});

test('UCI: work is linear in the text, also for quotes that never end', () => {
  for (const line of ["'\n", "\"'\n", "'\"\\\n", '"\\"\n', 'list a b\n', '\\\n', "x'\n\"\n"]) {
    const started = performance.now();
    parseUci(`config t n\n${line.repeat(Math.floor(500_000 / line.length))}`);
    assert.ok(performance.now() - started < 3000, JSON.stringify(line));
  }
});
