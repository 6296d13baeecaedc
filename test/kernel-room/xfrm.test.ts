// Wanted states and policies, and the way there, against a model of what the kernel holds that is looked at after every operation.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, Secret, type IpPrefix, type Path } from '../../src/base/index.ts';
import { isExpressible, planXfrm, policyKey, stateKey, wantedXfrm, type WantedXfrm, type XfrmOp, type XfrmPolicy, type XfrmSa, type XfrmState, type XfrmWay, type XfrmWish } from '../../src/kernel/index.ts';
import type { EspSa } from '../../src/ports/index.ts';
import { Prng } from '../sim/index.ts';

const prefix = (text: string): IpPrefix => {
  const [address = '', length] = text.split('/');
  return { address: ip(address), length: Number(length) };
};
const LAN = { start: ip('10.1.0.0'), end: ip('10.1.0.255'), protocol: 0, startPort: 0, endPort: 65_535 };
const REMOTE = { start: ip('10.2.0.0'), end: ip('10.2.0.255'), protocol: 0, startPort: 0, endPort: 65_535 };
const GUARD = { local: [prefix('10.1.0.0/24')], remote: [prefix('10.2.0.0/24')] };
const HUB = { address: ip('203.0.113.1'), port: 4500 };
const way = (address: string, encapsulation: XfrmWay['encapsulation'] = 'udp', port = 4500): XfrmWay =>
  ({ path: { uplink: 'wan', ifindex: 2, local: { address: ip(address), port }, remote: HUB } satisfies Path, encapsulation, outputMark: 0x10, isHeld: false });

const sa = (change: Partial<EspSa> = {}): EspSa => ({
  handle: 1, bundle: 1, child: 7, direction: 'out', spi: 0x1001 as EspSa['spi'], cipher: 'aes-gcm-16', key: new Secret(new Uint8Array(36)), integ: undefined, esn: true, local: [LAN], remote: [REMOTE], ...change,
});
/** Both directions of one Child SA. */
const child = (handle = 1, spi = 0x1001, id = 7, bundle = 1): XfrmSa[] => [
  { sa: sa({ handle, spi: spi as EspSa['spi'], child: id, bundle }), used: true },
  { sa: sa({ handle: handle + 1, spi: (spi + 0x1000) as EspSa['spi'], child: id, bundle, direction: 'in' }), used: false },
];
const wish = (change: Partial<XfrmWish> = {}): XfrmWish => ({ sas: child(), ways: new Map([[1, way('192.0.2.10')]]), guards: [GUARD], ...change });
const none: WantedXfrm = { states: new Map(), policies: new Map() };

const text = (one: XfrmPolicy): string =>
  `${one.direction} ${one.source.address}/${one.source.length} -> ${one.destination.address}/${one.destination.length}${one.protocol === 0 ? '' : ` proto ${one.protocol} ${one.sourcePort} ${one.destinationPort}`} ${one.template ? `${one.template.source} -> ${one.template.destination} reqid ${one.template.reqid}` : 'block'}`;
const opText = (op: XfrmOp): string => {
  if ('policy' in op) return `${op.op} ${text(op.policy)}`;
  const { source, destination, encapsulation, esp } = op.state;
  return `${op.op} ${op.op === 'state.move' ? `${op.from.source} => ` : ''}${source} -> ${destination} spi ${esp.spi.toString(16)}${encapsulation ? ` udp ${encapsulation.sourcePort} ${encapsulation.destinationPort}` : ''}`;
};

/** What a kernel does with the operations; it refuses what Linux refuses. */
class Model {
  readonly states = new Map<string, XfrmState>();
  readonly policies = new Map<string, XfrmPolicy>();
  /** Outbound SAs that were here. */
  readonly #spent = new Set<number>();

  apply(op: XfrmOp): void {
    switch (op.op) {
      case 'state.add':
        assert.ok(!this.states.has(stateKey(op.state)), 'EEXIST');
        assert.ok(!this.#spent.has(op.state.esp.handle), 'ES3-3: a nonce used twice');
        this.states.set(stateKey(op.state), op.state);
        return;
      case 'state.update': {
        const known = this.states.get(stateKey(op.state));
        assert.ok(known && known.source === op.state.source, 'an update changes no source');
        this.states.set(stateKey(op.state), op.state);
        return;
      }
      case 'state.move':
        for (const { template } of this.policies.values())
          assert.ok(!template || template.reqid !== op.from.reqid || this.#matches(template, op.from.esp.direction) !== op.from, 'no policy leads to a state on its way');
        assert.ok(this.states.delete(stateKey(op.from)), 'ESRCH');
        assert.ok(!this.states.has(stateKey(op.state)), 'EEXIST');
        this.states.set(stateKey(op.state), op.state);
        return;
      case 'state.delete':
        assert.ok(this.states.delete(stateKey(op.state)), 'ESRCH');
        if (op.state.esp.direction === 'out') this.#spent.add(op.state.esp.handle);
        return;
      case 'policy.set':
        this.policies.set(policyKey(op.policy), op.policy);
        return;
      case 'policy.delete':
        assert.ok(this.policies.delete(policyKey(op.policy)), 'ENOENT');
    }
  }

  #matches(template: NonNullable<XfrmPolicy['template']>, direction: 'in' | 'out'): XfrmState | undefined {
    return [...this.states.values()].find((s) => s.esp.direction === direction && s.reqid === template.reqid && s.source === template.source && s.destination === template.destination);
  }

  /** An outbound policy without a state makes the kernel ask for one (acquire). */
  check(when: string): void {
    for (const one of this.policies.values()) if (one.template && one.direction === 'out') assert.ok(this.#matches(one.template, 'out'), `${when}: an acquire for ${text(one)}`);
  }
}

function follow(model: Model, wanted: WantedXfrm): XfrmOp[] {
  const ops = planXfrm(wanted, model);
  const guarded = [...model.policies].filter(([key]) => wanted.policies.has(key)).map(([key]) => key);
  for (const op of ops) {
    model.apply(op);
    model.check(opText(op));
    for (const key of guarded) assert.ok(model.policies.has(key), `${opText(op)}: open for a moment: ${key}`);
  }
  assert.deepEqual([[...model.states.keys()].sort(), [...model.policies.values()].map(text).sort()], [[...wanted.states.keys()].sort(), [...wanted.policies.values()].map(text).sort()]);
  assert.deepEqual(planXfrm(wanted, model), [], 'nothing is left to do');
  return ops;
}

test('K-1: what a child protects is blocked in every direction before it is up, carried while it is, and blocked after', () => {
  const model = new Model();
  const down = wantedXfrm(wish({ sas: [] }));
  assert.deepEqual(follow(model, down).map(opText), ['policy.set in 10.2.0.0/24 -> 10.1.0.0/24 block', 'policy.set fwd 10.2.0.0/24 -> 10.1.0.0/24 block', 'policy.set out 10.1.0.0/24 -> 10.2.0.0/24 block']);
  assert.deepEqual(follow(model, wantedXfrm(wish())).map(opText), [
    'state.add 203.0.113.1 -> 192.0.2.10 spi 2001 udp 4500 4500', 'state.add 192.0.2.10 -> 203.0.113.1 spi 1001 udp 4500 4500',
    'policy.set in 10.2.0.0/24 -> 10.1.0.0/24 203.0.113.1 -> 192.0.2.10 reqid 7', 'policy.set fwd 10.2.0.0/24 -> 10.1.0.0/24 203.0.113.1 -> 192.0.2.10 reqid 7',
    'policy.set out 10.1.0.0/24 -> 10.2.0.0/24 192.0.2.10 -> 203.0.113.1 reqid 7',
  ], 'inbound before outbound, policies last');
  follow(model, down);
  assert.equal(follow(model, none).length, 3);
});

test('K-1: a move to another address: policies block, inbound before outbound, policies again; a change of ports or to protocol 50 is made in place', () => {
  const model = new Model();
  follow(model, wantedXfrm(wish()));
  assert.deepEqual(follow(model, wantedXfrm(wish({ ways: new Map([[1, way('198.51.100.10')]]) }))).map((op) => opText(op).split(' ').slice(0, 2).join(' ')), [
    'policy.set in', 'policy.set fwd', 'policy.set out', 'state.move 203.0.113.1', 'state.move 192.0.2.10', 'policy.set in', 'policy.set fwd', 'policy.set out',
  ]);
  assert.deepEqual(follow(model, wantedXfrm(wish({ ways: new Map([[1, way('198.51.100.10', 'udp', 4600)]]) }))).map((op) => op.op), ['state.update', 'state.update']);
  assert.deepEqual(follow(model, wantedXfrm(wish({ ways: new Map([[1, way('198.51.100.10', 'none')]]) }))).map(opText), [
    'state.update 203.0.113.1 -> 198.51.100.10 spi 2001', 'state.update 198.51.100.10 -> 203.0.113.1 spi 1001',
  ]);
});

test('I2.8-1: a rekeyed child: both inbound SAs receive, the new outbound one is there when it is used', () => {
  const model = new Model();
  const [old, next] = [child(1, 0x1001), child(11, 0x1011)];
  follow(model, wantedXfrm(wish({ sas: old })));
  const unused = next.map((one) => ({ ...one, used: false }));
  assert.deepEqual(follow(model, wantedXfrm(wish({ sas: [...old, ...unused] }))).map(opText), ['state.add 203.0.113.1 -> 192.0.2.10 spi 2011 udp 4500 4500']);
  const replaced = old.map((one) => ({ ...one, used: false }));
  assert.deepEqual(follow(model, wantedXfrm(wish({ sas: [...replaced, ...next] }))).map((op) => op.op), ['state.add', 'state.delete'], 'the policies stay as they are');
});

test('a longer prefix, a protocol and a port come first; families do not mix; ranges of ports cannot be said', () => {
  const dns = { ...REMOTE, protocol: 17, startPort: 53, endPort: 53 };
  const six = { start: ip('fd00:2::'), end: ip('fd00:2::ffff'), protocol: 0, startPort: 0, endPort: 65_535 };
  const { policies } = wantedXfrm(wish({ sas: [{ sa: sa({ remote: [REMOTE, dns, six] }), used: true }], guards: [{ local: [prefix('10.1.0.0/24'), prefix('fd00:1::/64')], remote: [prefix('10.0.0.0/8')] }] }));
  const out = [...policies.values()].filter((one) => one.direction === 'out').sort((a, b) => a.priority - b.priority).map(text);
  assert.deepEqual(out, ['out 10.1.0.0/24 -> 10.2.0.0/24 proto 17 0 53 192.0.2.10 -> 203.0.113.1 reqid 7', 'out 10.1.0.0/24 -> 10.2.0.0/24 192.0.2.10 -> 203.0.113.1 reqid 7', 'out 10.1.0.0/24 -> 10.0.0.0/8 block']);
  const fwd = [...policies.values()].find((one) => one.direction === 'fwd' && one.protocol === 17);
  assert.deepEqual([fwd?.sourcePort, fwd?.destinationPort], [53, 0], 'as packets from there have them');
  assert.deepEqual([isExpressible(sa()), isExpressible(sa({ remote: [dns] })), isExpressible(sa({ remote: [{ ...dns, endPort: 99 }] }))], [true, true, false]);
});

test('M3.5-15 ES3-3: a bundle that is held keeps its states where they are, and its policies block; then they go on from there', () => {
  const model = new Model();
  follow(model, wantedXfrm(wish()));
  assert.deepEqual(follow(model, wantedXfrm(wish({ ways: new Map([[1, { ...way('192.0.2.10'), isHeld: true }]]) }))).map(opText), [
    'policy.set in 10.2.0.0/24 -> 10.1.0.0/24 block', 'policy.set fwd 10.2.0.0/24 -> 10.1.0.0/24 block', 'policy.set out 10.1.0.0/24 -> 10.2.0.0/24 block',
  ]);
  assert.deepEqual(follow(model, wantedXfrm(wish({ ways: new Map([[1, way('198.51.100.10')]]) }))).map(({ op }) => op), ['state.move', 'state.move', 'policy.set', 'policy.set', 'policy.set']);
});

test('K-1: whatever comes after whatever, nothing is open, half moved or asked for on the way', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const prng = new Prng(`xfrm ${seed}`);
    const model = new Model();
    const addresses = ['192.0.2.10', '198.51.100.10', '192.0.2.77'];
    let next = 1;
    let sas: XfrmSa[] = [];
    const ways = new Map<number, XfrmWay>();
    for (let step = 0; step < 12; step++) {
      const id = prng.pick([7, 8] as const);
      const bundle = id - 6;
      const drawn = prng.pick(['move', 'rekey', 'delete', 'hold'] as const);
      if (drawn === 'move') ways.set(bundle, way(prng.pick(addresses), prng.pick(['udp', 'none'] as const), prng.pick([4500, 4600])));
      else if (drawn === 'hold') {
        const known = ways.get(bundle);
        if (known) ways.set(bundle, { ...known, isHeld: true });
      }
      else {
        const others = sas.filter((one) => one.sa.child !== id);
        const mine = sas.filter((one) => one.sa.child === id).map((one) => ({ ...one, used: false }));
        sas = drawn === 'delete' ? others : [...others, ...(prng.chance(0.5) ? mine : []), ...child(next, 0x1000 + next, id, bundle)];
        next += 2;
      }
      follow(model, wantedXfrm({ sas, ways, guards: prng.chance(0.8) ? [GUARD] : [] }));
    }
  }
});
