// The rtnetlink port over a socket that the test answers by hand: the faults a real kernel seldom has. What a real kernel
// does is in test/system/netlink.test.ts, over both real sockets.
import test, { mock } from 'node:test';
import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import type { RouteFact } from '../../../src/base/index.ts';
import { ByteWriter, concat, ip, parsePrefix } from '../../../src/base/index.ts';
import type { NetlinkMessage } from '../../../src/codec/netlink/index.ts';
import { decodeMessages, encodeAttributes, encodeMessage, LINK_ATTRS, MESSAGE, NLM_F, ROUTE_ATTRS } from '../../../src/codec/netlink/index.ts';
import type { Input, InputOf, KernelOp } from '../../../src/ports/index.ts';
import type { NativeHost } from '../../../src/adapters/node/native.ts';
import type { NetlinkEvents } from '../../../src/adapters/node/netlink.ts';
import { createKernelPort } from '../../../src/adapters/node/netlink.ts';
import { pickNetlink } from '../../../src/adapters/node/netlink-pick.ts';

const LE = endianness() === 'LE';
const [ENOENT, EBUSY, EEXIST, ENODEV, ENOBUFS, ETIMEDOUT] = [2, 16, 17, 19, 105, 110];

/** The kernel's end of the sockets the port opens; requests wait in `asked` until the test answers. */
class Script {
  asked: NetlinkMessage[] = [];
  opened = 0;
  closed = 0;
  refuse = 0;
  events: NetlinkEvents | undefined;
  readonly inputs: Input[] = [];
  readonly port = createKernelPort((_groups, events) => {
    if (this.refuse-- > 0) throw new Error('refused');
    this.opened++;
    this.events = events;
    return {
      send: (bytes) => {
        this.asked.push(...decodeMessages(bytes.slice(), LE));
        return 0;
      },
      close: () => void this.closed++,
    };
  });
  readonly deliver = (input: Input): void => void this.inputs.push(input);

  constructor() {
    this.refuse = 0;
  }

  say(...messages: Uint8Array[]): void {
    this.events?.message(concat(...messages));
  }

  /** Answers the oldest request: a dump with `parts`, anything else with `errno`. */
  answer(options: { readonly parts?: readonly Uint8Array[]; readonly errno?: number; readonly flags?: number; readonly endFlags?: number } = {}): NetlinkMessage {
    const request = this.asked.shift() ?? assert.fail('nothing was asked');
    const { sequence } = request;
    const code = new ByteWriter().u32(-(options.errno ?? 0), LE).finish();
    if ((request.flags & NLM_F.DUMP) !== NLM_F.DUMP || (options.errno ?? 0) !== 0) {
      this.say(encodeMessage({ type: MESSAGE.ERROR, flags: 0, sequence, payload: concat(code, new Uint8Array(16)) }, LE));
      return request;
    }
    const type = request.type - 2;
    for (const payload of options.parts ?? []) this.say(encodeMessage({ type, flags: NLM_F.MULTI | (options.flags ?? 0), sequence, payload }, LE));
    this.say(encodeMessage({ type: MESSAGE.DONE, flags: NLM_F.MULTI | (options.endFlags ?? 0), sequence, payload: code }, LE));
    return request;
  }

  /** Answers dumps of links, addresses and routes of both families. */
  answerAll(links: readonly Uint8Array[] = [], routes: readonly Uint8Array[] = []): void {
    const types = [this.answer({ parts: links }), this.answer(), this.answer({ parts: routes }), this.answer()].map((request) => request.type);
    assert.deepEqual(types, [MESSAGE.RTM_GETLINK, MESSAGE.RTM_GETADDR, MESSAGE.RTM_GETROUTE, MESSAGE.RTM_GETROUTE]);
  }

  snapshots(): InputOf<'kernel.snapshot'>[] {
    return this.inputs.filter((input) => input.type === 'kernel.snapshot');
  }

  applied(): InputOf<'kernel.applied'>[] {
    return this.inputs.filter((input) => input.type === 'kernel.applied');
  }
}

const link = (ifindex: number, name: string, flags: number): Uint8Array =>
  new ByteWriter().zeros(4).u32(ifindex, LE).u32(flags, LE).u32(0).bytes(encodeAttributes(LINK_ATTRS, { ifname: name, mtu: 1500 }, LE)).finish();
const defaultRoute = (ifindex: number, gateway: string, metric: number): Uint8Array =>
  new ByteWriter().bytes(Uint8Array.of(2, 0, 0, 0, 254, 3, 0, 1)).u32(0).bytes(encodeAttributes(ROUTE_ATTRS, { oif: ifindex, gateway: ip(gateway), priority: metric }, LE)).finish();
const told = (type: number, payload: Uint8Array, flags = 0): Uint8Array => encodeMessage({ type, flags, sequence: 0, payload }, LE);
const UP = 0x10001;

/** Runs a story with timers that the test moves. */
function story(title: string, body: (script: Script) => void): void {
  test(title, () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const script = new Script();
    try {
      body(script);
    } finally {
      script.port.close();
      mock.timers.reset();
    }
  });
}

/** Lets the port begin the dump it has due. */
const settle = (): void => mock.timers.tick(400);

function watching(script: Script, links: readonly Uint8Array[] = [], routes: readonly Uint8Array[] = []): void {
  script.port.perform({ type: 'kernel.watch' }, script.deliver);
  mock.timers.tick(0);
  script.answerAll(links, routes);
  assert.equal(script.snapshots().length, 1);
}

story('what happens while the first dump runs is in the snapshot, not before and not after it', (script) => {
  script.port.perform({ type: 'kernel.watch' }, script.deliver);
  mock.timers.tick(0);
  script.answer({ parts: [link(2, 'wan', UP), link(3, 'wwan', UP)] });
  script.say(told(MESSAGE.RTM_DELLINK, link(3, 'wwan', 0)), told(MESSAGE.RTM_NEWROUTE, defaultRoute(2, '192.0.2.1', 5)));
  script.answer();
  script.answer({ parts: [defaultRoute(2, '192.0.2.9', 9)] });
  assert.deepEqual(script.inputs, []);
  script.answer();
  const [snapshot] = script.snapshots();
  assert.deepEqual(snapshot?.links.map((l) => l.name), ['wan']);
  assert.deepEqual(snapshot?.routes.map((r: RouteFact) => r.metric).sort(), [5, 9]);
  assert.equal(script.inputs.length, 1);
});

story('a dump that mixes two states (NLM_F_DUMP_INTR) is made again, at most five times', (script) => {
  script.port.perform({ type: 'kernel.watch' }, script.deliver);
  mock.timers.tick(0);
  script.answer({ parts: [link(2, 'old', UP)], flags: NLM_F.DUMP_INTR });
  for (let i = 0; i < 3; i++) script.answer();
  assert.equal(script.snapshots().length, 0);
  script.answerAll([link(2, 'new', UP)]);
  assert.deepEqual(script.snapshots().map((s) => s.links.map((l) => l.name)), [['new']]);
  // A table that never rests: the fifth try counts. The flag may also sit on the end alone.
  script.port.perform({ type: 'kernel.watch' }, script.deliver);
  settle();
  for (let i = 0; i < 5; i++) {
    assert.equal(script.snapshots().length, 1);
    script.answer({ endFlags: NLM_F.DUMP_INTR });
    for (let k = 0; k < 3; k++) script.answer();
  }
  assert.equal(script.snapshots().length, 2);
});

story('a refused dump (EBUSY) is asked for again', (script) => {
  script.port.perform({ type: 'kernel.watch' }, script.deliver);
  mock.timers.tick(0);
  script.answer({ errno: EBUSY });
  assert.equal(script.asked.length, 0);
  settle();
  script.answerAll([link(2, 'wan', UP)]);
  assert.equal(script.snapshots().length, 1);
});

story('a device goes down: its IPv4 routes are told as removed at once, and the table is looked at again', (script) => {
  watching(script, [link(2, 'wan', UP), link(3, 'wwan', UP)], [defaultRoute(2, '192.0.2.1', 5), defaultRoute(3, '198.51.100.1', 6), defaultRoute(3, '198.51.100.9', 7)]);
  script.inputs.length = 0;
  script.say(told(MESSAGE.RTM_NEWLINK, link(2, 'wan', 0)));
  assert.deepEqual(script.inputs.map((i) => i.type), ['kernel.link', 'kernel.route']);
  settle();
  // The kernel took another one along without a word; what is new is told as well, what stayed is not.
  script.answer({ parts: [defaultRoute(3, '198.51.100.1', 6), defaultRoute(3, '198.51.100.2', 8)] });
  script.answer();
  const routes = script.inputs.filter((i) => i.type === 'kernel.route').slice(1).map((i) => `${i.change} ${i.route.metric}`);
  assert.deepEqual(routes, ['removed 7', 'set 8']);
});

story('many such events cost few dumps', (script) => {
  watching(script, [link(2, 'wan', UP)]);
  let dumps = 0;
  for (let i = 0; i < 500; i++) {
    script.say(told(MESSAGE.RTM_NEWLINK, link(2, 'wan', i % 2 === 0 ? 0 : UP)));
    mock.timers.tick(1);
    while (script.asked.length > 0) {
      dumps++;
      script.answer();
    }
  }
  // The gap between dumps is measured on the real clock, which hardly moves here: one dump, or a few on a slow machine.
  assert.ok(dumps <= 8, `${dumps} dumps`);
  assert.equal(script.inputs.filter((i) => i.type === 'kernel.link').length, 500, 'every change is told all the same');
});

const op = (destination: string): KernelOp => ({ op: 'route.add', route: { destination: parsePrefix(destination) ?? assert.fail(), via: { kind: 'unreachable' }, metric: 9, prefSrc: undefined } });

story('operations: in order, EEXIST of an addition is success, other failures are told, answered once', (script) => {
  const drop: KernelOp = { ...op('10.4.0.0/16'), op: 'route.delete' } as KernelOp;
  const ops = [op('10.1.0.0/16'), op('10.2.0.0/16'), op('10.3.0.0/16'), drop];
  script.port.perform({ type: 'kernel.apply', opId: 7, ops }, script.deliver);
  script.port.perform({ type: 'kernel.apply', opId: 8, ops: [op('10.5.0.0/16')] }, script.deliver);
  assert.equal(script.asked.length, 4, 'the second waits for the first');
  script.answer();
  script.answer({ errno: EEXIST });
  script.answer({ errno: ENODEV });
  assert.deepEqual(script.inputs, []);
  script.answer({ errno: ENOENT });
  assert.deepEqual(script.inputs, [{ type: 'kernel.applied', opId: 7, failures: [{ op: ops[2], errno: ENODEV }, { op: drop, errno: ENOENT }] }]);
  script.answer();
  assert.deepEqual(script.applied().map((a) => [a.opId, a.failures.length]), [[7, 0 + 2], [8, 0]]);
  mock.timers.tick(10_000);
  assert.equal(script.applied().length, 2);
});

story('an operation the kernel does not answer fails after 5 s, and the next one runs', (script) => {
  const ops = [op('10.1.0.0/16')];
  script.port.perform({ type: 'kernel.apply', opId: 1, ops }, script.deliver);
  const lost = script.asked.shift() ?? assert.fail();
  mock.timers.tick(4999);
  assert.equal(script.applied().length, 0);
  mock.timers.tick(1);
  assert.deepEqual(script.applied(), [{ type: 'kernel.applied', opId: 1, failures: [{ op: ops[0], errno: ETIMEDOUT }] }]);
  script.port.perform({ type: 'kernel.apply', opId: 2, ops }, script.deliver);
  // An answer that comes late belongs to nobody.
  script.say(encodeMessage({ type: MESSAGE.ERROR, flags: 0, sequence: lost.sequence, payload: new Uint8Array(20) }, LE));
  assert.equal(script.applied().length, 1);
  script.answer();
  assert.deepEqual(script.applied().map((a) => a.opId), [1, 2]);
});

story('messages lost: dumped again, and what was not acknowledged is asked again', (script) => {
  watching(script, [link(2, 'wan', UP)]);
  script.port.perform({ type: 'kernel.apply', opId: 1, ops: [op('10.1.0.0/16'), op('10.2.0.0/16')] }, script.deliver);
  script.answer();
  const lost = script.asked.shift() ?? assert.fail();
  script.events?.failed(ENOBUFS);
  assert.equal(script.asked.length, 1);
  assert.notEqual(script.asked[0]?.sequence, lost.sequence);
  script.answer({ errno: EEXIST });
  assert.deepEqual(script.applied(), [{ type: 'kernel.applied', opId: 1, failures: [] }]);
  settle();
  script.answerAll([link(3, 'wwan', UP)]);
  assert.deepEqual(script.snapshots().at(-1)?.links.map((l) => l.name), ['wwan']);
});

story('a socket that fails is opened again, for as long as it takes', (script) => {
  watching(script, [link(2, 'wan', UP)]);
  script.port.perform({ type: 'kernel.apply', opId: 1, ops: [op('10.1.0.0/16')] }, script.deliver);
  script.asked.length = 0;
  const old = script.events;
  script.refuse = 2;
  script.events?.failed(5);
  mock.timers.tick(0);
  mock.timers.tick(1000);
  assert.equal(script.opened, 1);
  mock.timers.tick(1000);
  assert.deepEqual([script.opened, script.closed], [2, 1]);
  old?.message(told(MESSAGE.RTM_DELLINK, link(2, 'wan', 0)));
  assert.ok(!script.inputs.some((i) => i.type === 'kernel.link'), 'the old socket is not heard');
  script.answer();
  assert.equal(script.applied().length, 1, 'the operation was sent again');
  settle();
  script.answerAll([link(2, 'wan', UP)]);
  assert.equal(script.snapshots().length, 2);
});

story('a dump without answer: another socket', (script) => {
  script.port.perform({ type: 'kernel.watch' }, script.deliver);
  mock.timers.tick(0);
  script.asked.length = 0;
  mock.timers.tick(5000);
  mock.timers.tick(0);
  assert.equal(script.opened, 2);
  settle();
  script.answerAll([link(2, 'wan', UP)]);
  assert.equal(script.snapshots().length, 1);
});

story('after close nothing is delivered and no timer is left', (script) => {
  watching(script, [link(2, 'wan', UP)]);
  script.port.perform({ type: 'kernel.apply', opId: 1, ops: [op('10.1.0.0/16')] }, script.deliver);
  const count = script.inputs.length;
  script.port.close();
  script.events?.message(told(MESSAGE.RTM_NEWLINK, link(2, 'wan', 0)));
  script.events?.failed(5);
  mock.timers.tick(20_000);
  assert.equal(script.inputs.length, count);
  assert.deepEqual([script.opened, script.closed], [1, 1]);
});

test('the npm package is taken where it loads, the addon elsewhere; the log says which and why', () => {
  const log: string[] = [];
  const factory = (): never => assert.fail('not opened here');
  assert.equal(pickNetlink(() => assert.fail('the addon is not needed'), (text) => log.push(text), () => factory), factory);
  let asked = 0;
  const host = { addon: {}, handle: {} } as unknown as NativeHost;
  const open = (): NativeHost => {
    asked++;
    return host;
  };
  pickNetlink(open, (text) => log.push(text), () => {
    throw new Error("Cannot find module 'netlink/dist/raw'\nRequire stack:\n- x");
  });
  assert.equal(asked, 1);
  assert.deepEqual(log, ['netlink: npm package', "netlink: our addon (the npm package does not load: Cannot find module 'netlink/dist/raw')"]);
});
