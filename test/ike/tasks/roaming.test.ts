// A hub follows the ESP of a peer behind a NAT, on an IKE SA alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, type Endpoint } from '../../../src/base/index.ts';
import { notify } from '../../../src/codec/ike/index.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import type { MovePolicy } from '../../../src/ike/index.ts';
import { acceptUpdate } from '../../../src/ike/tasks/mobike-accept.ts';
import { roam } from '../../../src/ike/tasks/roaming.ts';
import { Alone, LTE, WAN } from '../lone.ts';
import { connection, prefixes } from '../pair.ts';

const POLICY: MovePolicy = { allowed: [], denied: [], strictSources: false, updateRate: 60, routability: 'before', hold: 'continue', roaming: 'port', recheck: undefined };
const PORT: Endpoint = { ...WAN.remote, port: 20_001 };
const ELSEWHERE: Endpoint = { address: ip('198.51.100.77'), port: 4500 };

function hub(around: Alone, moves: Partial<MovePolicy> = {}, change: (sa: IkeSa) => void = () => undefined): IkeSa {
  const sa = around.sa({ mobikeRole: 'responder', originalInitiator: false, connection: connection('responder', { moves: { ...POLICY, ...moves } }) });
  sa.natRemote = true;
  change(sa);
  return sa;
}
const at = (sa: IkeSa): string => `${sa.path.remote.address} ${sa.path.remote.port}`;

test('M3.8-5: ESP from another port of the peer\'s NAT: ESP and our requests go there at once, and the peer is asked whether it is there', () => {
  const around = new Alone();
  const sa = hub(around);
  roam(sa, PORT, around.time, around.ctx);
  assert.equal(at(sa), `${WAN.remote.address} 20001`);
  assert.deepEqual(around.said(), ['path.moving wan wan esp_roamed 0', 'esp wan', 'path.moved wan wan esp_roamed 0']);
  sa.exchanges.pump(around.ctx);
  const asked = sa.exchanges.outstanding;
  assert.deepEqual([asked?.task.kind, around.effects.flatMap((e) => (e.type === 'packet.send' ? [e.path.remote.port] : []))], ['routability', [20_001]]);
  roam(sa, PORT, around.time, around.ctx);
  assert.equal(sa.exchanges.outstanding, asked, 'where it is already');
  around.now += 2000;
  around.said();
  roam(sa, { ...PORT, port: 20_002 }, around.time, around.ctx);
  assert.deepEqual([sa.exchanges.outstanding, around.effects.flatMap((e) => (e.type === 'packet.send' ? [e.path.remote.port] : []))], [asked, [20_002]], 'what is asked goes along, and nothing more is');
  sa.exchanges.complete(asked?.messageId ?? -1, sa.path, around.ctx);
  sa.exchanges.pump(around.ctx);
  assert.equal(sa.exchanges.outstanding, undefined);
});

test('M3.8-5: from port to port no faster than every two seconds', () => {
  const around = new Alone();
  const sa = hub(around);
  const ports = [20_001, 20_002, 20_003, 20_004].map((port) => {
    roam(sa, { ...PORT, port }, around.time, around.ctx);
    around.now += 1000;
    return sa.path.remote.port;
  });
  assert.deepEqual(ports, [20_001, 20_001, 20_003, 20_003]);
});

test('M3.8-5 M3.8-6: not when the section says off, without MOBIKE, in another role, before it is up, without a NAT there or with one here, or to another address', () => {
  const around = new Alone();
  const stays = (sa: IkeSa, remote = PORT): void => {
    const before = at(sa);
    roam(sa, remote, around.time, around.ctx);
    assert.deepEqual([at(sa), around.said()], [before, []]);
  };
  stays(hub(around, { roaming: 'off' }));
  stays(hub(around), ELSEWHERE);
  stays(hub(around, {}, (sa) => void (sa.mobility.supported = false)));
  stays(hub(around, {}, (sa) => void (sa.natRemote = false)));
  stays(hub(around, {}, (sa) => void (sa.natLocal = true)));
  stays(hub(around, {}, (sa) => void (sa.state = 'rekeyed')));
  const router = around.sa();
  router.natRemote = true;
  stays(router);
  stays(hub(around, { denied: prefixes(`${WAN.remote.address}/32`) }));
  around.host.mayMove = () => false;
  stays(hub(around));
});

test('M3.8-5 M3.7-1: full: to another address as if the peer had sent an update: return routability first', () => {
  const around = new Alone();
  const sa = hub(around, { roaming: 'full' });
  roam(sa, ELSEWHERE, around.time, around.ctx);
  assert.deepEqual([at(sa), around.said(), sa.exchanges.has('routability')], ['198.51.100.77 4500', ['path.moving wan wan esp_roamed 0'], true], 'ESP has not turned');
  const off = hub(around, { roaming: 'full', routability: 'off' });
  roam(off, ELSEWHERE, around.time, around.ctx);
  assert.deepEqual(around.said().slice(1), ['esp wan', 'path.moved wan wan esp_roamed 0']);
});

test('M3.8-5: what was on its way when the peer came is late, not new: for two seconds after a move nothing is followed', () => {
  const around = new Alone();
  const sa = hub(around, { routability: 'off' });
  acceptUpdate(sa, 5, [notify('UPDATE_SA_ADDRESSES')], LTE, around.ctx).after?.();
  around.said();
  const late = { ...LTE.remote, port: 4999 };
  const moved = around.now;
  for (const seen of [moved, moved + 1999]) {
    around.now = seen + 200;
    roam(sa, late, instant(seen), around.ctx);
    assert.deepEqual(around.said(), []);
  }
  roam(sa, late, instant(moved + 2000), around.ctx);
  assert.equal(sa.path.remote.port, 4999);
  sa.mobility.turning = { from: LTE, since: around.time, wait: 500 as never, reasons: [] };
  roam(sa, PORT, instant(around.now + 60_000), around.ctx);
  assert.equal(sa.path.remote.port, 4999, 'nor while a move is under way');
});
