import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant } from '../../src/base/index.ts';
import { decodeReply, encodeRequest, type Command } from '../../src/codec/control/index.ts';
import { Clients } from '../../src/daemon/clients.ts';
import type { CommandResult } from '../../src/daemon/context.ts';
import { EventLog } from '../../src/report/index.ts';
import { TestTurn } from './turn.ts';

const request = (command: Command, follow = false, id = 1): string => encodeRequest({ id, command, args: {}, follow });
const OK = (): CommandResult => ({ ok: true, data: { fine: true } });

function replies(turn: TestTurn): { client: number; kind: string }[] {
  return turn.take('control.send').map(({ client, line }) => {
    const reply = decodeReply(line);
    return { client, kind: reply.ok ? reply.value.kind : 'bad' };
  });
}

test('a command is answered to the client that asked; a refusal and a broken line too', () => {
  const clients = new Clients();
  const turn = new TestTurn();
  clients.received(3, request('status'), OK, undefined, turn);
  clients.received(4, request('status'), () => ({ ok: false, error: 'no' }), undefined, turn);
  clients.received(5, 'nonsense', OK, undefined, turn);
  assert.deepEqual(replies(turn), [{ client: 3, kind: 'done' }, { client: 4, kind: 'refused' }, { client: 5, kind: 'refused' }]);
});

test('who follows gets the past in the reply and each event after it, until the client is gone', () => {
  const clients = new Clients();
  const turn = new TestTurn();
  const log = new EventLog('boot', instant(0));
  log.record({ type: 'daemon.started', version: '1' }, instant(0));
  clients.received(1, request('events', true), OK, log, turn);
  const [first] = turn.take('control.send');
  assert.match(first?.line ?? '', /daemon\.started/);
  const event = log.record({ type: 'daemon.stopping' }, instant(5));
  clients.event(event, turn);
  assert.deepEqual(replies(turn), [{ client: 1, kind: 'event' }]);
  clients.closed(1);
  clients.event(event, turn);
  assert.deepEqual(replies(turn), []);
});

test('followers have a bound', () => {
  const clients = new Clients();
  const turn = new TestTurn();
  for (let client = 0; client < 33; client++) clients.received(client, request('events', true), OK, undefined, turn);
  assert.deepEqual(replies(turn).at(-1), { client: 32, kind: 'refused' });
  clients.closed(0);
  clients.received(40, request('events', true), OK, undefined, turn);
  assert.deepEqual(replies(turn), [{ client: 40, kind: 'done' }]);
});

test('reload is answered when the configuration has been read, to everybody who asked and is still there', () => {
  const clients = new Clients();
  const turn = new TestTurn();
  clients.received(1, request('reload'), OK, undefined, turn);
  clients.received(2, request('reload'), OK, undefined, turn);
  assert.deepEqual(replies(turn), []);
  clients.closed(1);
  clients.reloaded(['line 3: no such option'], turn);
  const [answer, ...more] = turn.take('control.send');
  assert.equal(answer?.client, 2);
  assert.match(answer.line, /no such option/);
  assert.deepEqual(more, []);
  clients.reloaded([], turn);
  assert.deepEqual(replies(turn), []);
});
