import { test } from 'node:test';
import assert from 'node:assert/strict';
import { formatProblem, loadConfig, SECTIONS, type OptionTable } from '../../src/config/index.ts';
import { readFile } from './golden.ts';

const messages = (text: string): string[] => loadConfig(text, 'f', readFile).problems.map(formatProblem);

test('flags in every spelling of config_get_bool, and no other', () => {
  const enabled = (value: string): boolean | undefined => {
    const { config, problems } = loadConfig(`config mobiked 'main'\noption enabled '${value}'\n`, 'f', readFile);
    return problems.length > 0 ? undefined : config.main.enabled;
  };
  for (const value of ['1', 'on', 'true', 'yes', 'enabled']) assert.equal(enabled(value), true, value);
  for (const value of ['0', 'off', 'false', 'no', 'disabled']) assert.equal(enabled(value), false, value);
  for (const value of ['2', 'TRUE', 'maybe', '01', ' ']) assert.equal(enabled(value), undefined, value);
});

test('each number of the table is accepted at its limits and refused beyond them', () => {
  for (const [type, table] of Object.entries(SECTIONS)) {
    for (const [name, { schema }] of Object.entries(table as OptionTable)) {
      if (schema.type !== 'integer') continue;
      const about = (value: number | string): boolean => messages(`config ${type} 'x'\n${type === 'connection' ? "option role 'responder'\n" : ''}option ${name} '${value}'\n`).some((line) => line.includes(`option '${name}'`));
      assert.equal(about(schema.minimum), false, `${name} ${schema.minimum}`);
      assert.equal(about(schema.maximum), false, `${name} ${schema.maximum}`);
      for (const bad of [schema.minimum - 1, schema.maximum + 1, '1.5', '0x10', '-1', 'x', '99999999999999999', '١']) assert.equal(about(bad), true, `${name} ${bad}`);
    }
  }
});

test('each text of the table is refused beyond its length, each choice outside its list', () => {
  for (const [type, table] of Object.entries(SECTIONS)) {
    for (const [name, row] of Object.entries(table as OptionTable)) {
      const said = (value: string): string => messages(`config ${type} 'x'\noption ${name} '${value}'\n`).filter((line) => line.includes(`option '${name}'`)).join('\n');
      if (row.schema.type === 'string' && 'enum' in row.schema) assert.match(said('zzz'), /is not possible; give /, name);
      else if (row.schema.type === 'string') assert.match(said('z'.repeat(row.schema.maxLength + 1)), /is longer than/, name);
      else if (row.schema.type === 'array') {
        const { schema } = row;
        assert.match(said('z'.repeat(256)), /is longer than 255/, name);
        const many = messages(`config ${type} 'x'\n${Array.from({ length: schema.maxItems + 1 }, (_, i) => `list ${name} 'v${i}'\n`).join('')}`);
        assert.ok(many.some((line) => line.includes(`has more than ${schema.maxItems} values`)), name);
        assert.ok(messages(`config ${type} 'x'\nlist ${name} ''\n`).some((line) => line.includes('holds an empty value')), name);
      }
    }
  }
});

test('durations take suffixes', () => {
  for (const [text, want] of [['90', 90], ['90s', 90], ['5m', 300], ['8h', 28_800], ['1d', 86_400]] as const) {
    const loaded = loadConfig(`config mqtt 'm'\noption broker 'mqtt://192.0.2.1'\noption interval '${text}'\n`, 'f', readFile);
    assert.equal(loaded.config.mqtt[0]?.interval, want * 1000, text);
  }
});

test('unknown options are named, even those called like a property of every object', () => {
  assert.deepEqual(messages("config mobiked 'main'\noption __proto__ '1'\noption constructor '2'\noption node '3'\n"), [
    "f:2: warning: mobiked 'main': option '__proto__': is unknown and ignored",
    "f:3: warning: mobiked 'main': option 'constructor': is unknown and ignored",
    "f:4: warning: mobiked 'main': option 'node': is unknown and ignored; did you mean 'node_id'?",
  ]);
});

test('a list value knows its own line', () => {
  assert.match(messages("config child 'c'\nlist local_ts '10.0.0.0/8'\n\nlist local_ts 'x'\n")[0] ?? '', /^f:1: .*connection/);
  assert.ok(messages("config child 'c'\nlist local_ts '10.0.0.0/8'\n\nlist local_ts 'x'\n").some((line) => line.startsWith("f:4: error: child 'c': option 'local_ts': 'x'")));
});
