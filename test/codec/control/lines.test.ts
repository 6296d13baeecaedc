import { test } from 'node:test';
import assert from 'node:assert/strict';
import { COMMANDS, decodeReply, decodeRequest, encodeEvent, encodeRefusal, encodeReply, encodeRequest, MAX_REQUEST_LINE, type Command, type ControlRequest } from '../../../src/codec/control/index.ts';

const error = (line: string): string | undefined => {
  const result = decodeRequest(line);
  return result.ok ? undefined : `${result.error.id} ${result.error.error}`;
};

test('requests: decode of encode is identity, for every command', () => {
  for (const command of Object.keys(COMMANDS) as Command[]) {
    const args = Object.fromEntries(COMMANDS[command].args.map(({ name }) => [name, `${name} "\u00fc\n`]));
    for (const follow of command === 'events' ? [true, false] : [false]) {
      const request: ControlRequest = { id: 7, command, args, follow };
      assert.ok(!encodeRequest(request).includes('\n'));
      assert.deepEqual(decodeRequest(encodeRequest(request)), { ok: true, value: request });
    }
  }
});

test('requests: args may be absent, optional arguments too', () => {
  assert.deepEqual(decodeRequest('{"id":0,"command":"explain"}'), { ok: true, value: { id: 0, command: 'explain', args: {}, follow: false } });
  assert.deepEqual(decodeRequest(' {"command":"status","id":9007199254740991,"extra":[1]} '), { ok: true, value: { id: 9007199254740991, command: 'status', args: {}, follow: false } });
});

test('requests: what is wrong is said, with the id when there is one', () => {
  for (const [line, want] of [
    ['', 'undefined bad request: not JSON'], ['nonsense', 'undefined bad request: not JSON'], ['[]', 'undefined bad request: not a JSON object'], ['null', 'undefined bad request: not a JSON object'], ['7', 'undefined bad request: not a JSON object'],
    ['{}', "undefined bad request: 'id' must be a whole number"], ['{"id":-1}', "undefined bad request: 'id' must be a whole number"], ['{"id":1.5}', "undefined bad request: 'id' must be a whole number"], ['{"id":"1"}', "undefined bad request: 'id' must be a whole number"], ['{"id":1e99}', "undefined bad request: 'id' must be a whole number"],
    ['{"id":1}', '1 unknown command'], ['{"id":1,"command":"toString"}', '1 unknown command'], ['{"id":1,"command":"__proto__"}', '1 unknown command'], ['{"id":1,"command":["up"]}', '1 unknown command'],
    ['{"id":1,"command":"up"}', "1 up needs argument 'name'"], ['{"id":1,"command":"up","args":[]}', "1 bad request: 'args' must be an object"], ['{"id":1,"command":"up","args":null}', "1 up needs argument 'name'"], ['{"id":1,"command":"up","args":{"name":7}}', "1 argument 'name' must be a text of 1 to 255 characters"],
    ['{"id":1,"command":"up","args":{"name":""}}', "1 argument 'name' must be a text of 1 to 255 characters"], ['{"id":1,"command":"up","args":{"__proto__":"x"}}', '1 up takes no such argument'], ['{"id":1,"command":"status","args":{"follow":true}}', '1 status takes no such argument'],
    ['{"id":1,"command":"events","args":{"follow":"yes"}}', "1 argument 'follow' must be true or false"], ['{"id":1,"command":"switch","args":{"connection":"hq"}}', "1 switch needs argument 'uplink'"],
    [`{"id":1,"command":"up","args":{"name":"${'x'.repeat(256)}"}}`, "1 argument 'name' must be a text of 1 to 255 characters"], ['['.repeat(60_000), 'undefined bad request: nested too deeply'], [`{"id":1,"a":${'{"a":'.repeat(20)}1${'}'.repeat(20)}}`, 'undefined bad request: nested too deeply'],
    [' '.repeat(MAX_REQUEST_LINE + 1), 'undefined bad request: line too long'],
  ] as const) assert.equal(error(line), want, line.slice(0, 80));
});

test('brackets inside a string are no nesting', () => {
  assert.deepEqual(decodeRequest(`{"id":1,"command":"up","args":{"name":"${'['.repeat(100)}\\"{{"}}`), { ok: true, value: { id: 1, command: 'up', args: { name: `${'['.repeat(100)}"{{` }, follow: false } });
});

test('replies: what the daemon says is read back', () => {
  assert.deepEqual(decodeReply(encodeReply(1, { a: [null, 'x'] })), { ok: true, value: { kind: 'done', id: 1, data: { a: [null, 'x'] } } });
  assert.deepEqual(decodeReply(encodeRefusal(1, 'no such connection')), { ok: true, value: { kind: 'refused', id: 1, error: 'no such connection' } });
  assert.deepEqual(decodeReply(encodeRefusal(undefined, 'bad request')), { ok: true, value: { kind: 'refused', id: undefined, error: 'bad request' } });
  assert.deepEqual(decodeReply(encodeEvent(1, { seq: 3 })), { ok: true, value: { kind: 'event', id: 1, event: { seq: 3 } } });
  assert.deepEqual(decodeReply('{"id":1,"ok":true}'), { ok: true, value: { kind: 'done', id: 1, data: null } });
  for (const line of ['', '{}', '[]', '{"id":1}', '{"ok":true}', '{"id":1,"ok":"true"}', '{"id":1,"event":7}', '{"id":1,"event":[]}', '['.repeat(100_000)]) assert.equal(decodeReply(line).ok, false, line.slice(0, 40));
});
