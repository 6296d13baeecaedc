// The XFRM codecs against a guest kernel: it must take every request, and tell what was asked for. GOLDEN=write keeps what was said for the
// tests of the codecs. The same bundle is both sides: here it boots the guest and judges, in the guest it speaks with the kernel.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { fromHex, toHex } from '../../src/base/index.ts';
import {
  decodeControl, decodeMessages, decodeXfrmAcquire, decodeXfrmAe, decodeXfrmExpire, decodeXfrmMapping, decodeXfrmMigration, decodeXfrmPolicy, decodeXfrmPolicyGone, decodeXfrmSa, decodeXfrmSaGone,
  encodeXfrmPolicy, encodeXfrmSa, NETLINK_XFRM, XFRM_MSG, XFRMNLGRP, type NetlinkMessage, type XfrmPolicy, type XfrmSa,
} from '../../src/codec/netlink/index.ts';
import { ASKING, MAPPED, MIGRATIONS, MOVED, NUMBERS, POLICIES, REPLACED, REQUESTS, SAS, SHORT, UPDATED } from '../codec/netlink/xfrm-cases.ts';
import { assertSamePolicy, assertSameSa, XFRM_FOLDER, XFRM_REQUESTS, xfrmLines } from '../codec/netlink/xfrm-golden.ts';
import { GUEST, LINES_FILE, Uml, umlProblem } from '../interop/uml.ts';

const LITTLE_ENDIAN = endianness() === 'LE';
/** An answer comes at once, an EXPIRE after four seconds; the guest is slow. */
const PATIENCE = 30_000;
const COMMANDS = 'commands of iproute2';

/** One thing done in the guest and what the kernel said of it, in hexadecimal. */
interface Line {
  readonly name: string;
  readonly kernel: string;
  readonly sent: string;
  readonly errno: number;
  /** Datagrams with the request's number. */
  readonly answers: readonly string[];
  /** Datagrams told to groups since the line before. */
  readonly events: readonly string[];
}

// --- in the guest

interface RawSocket {
  on(event: 'message', listener: (bytes: Uint8Array, from: { readonly port: number }) => void): void;
  addMembership(group: number): void;
  send(bytes: Uint8Array, options: object, callback: (error: Error | undefined) => void): void;
  setRecvBufferSize(size: number): void;
  close(): void;
}

/** A socket and what came from the kernel; `until` waits for more. */
class Talk {
  readonly #socket: RawSocket;
  readonly #datagrams: Uint8Array[] = [];
  #wake: () => void = () => undefined;

  constructor() {
    const { RawNetlinkSocket } = createRequire(import.meta.url)('netlink/dist/raw') as { RawNetlinkSocket: new (protocol: number) => RawSocket };
    this.#socket = new RawNetlinkSocket(NETLINK_XFRM);
    this.#socket.setRecvBufferSize(1 << 20);
    this.#socket.on('message', (bytes, from) => {
      if (from.port !== 0) return;
      this.#datagrams.push(new Uint8Array(bytes));
      this.#wake();
    });
    for (const group of Object.values(XFRMNLGRP)) this.#socket.addMembership(group);
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(Buffer.from(bytes), {}, () => undefined);
  }

  /** Waits until `enough` of what came; gives it and begins anew. */
  async until(what: string, enough: (messages: readonly NetlinkMessage[]) => boolean): Promise<readonly Uint8Array[]> {
    const limit = performance.now() + PATIENCE;
    while (!enough(this.#datagrams.flatMap((d) => decodeMessages(d, LITTLE_ENDIAN)))) {
      const left = limit - performance.now();
      if (left <= 0) throw new Error(`${what}: the kernel said nothing more`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#datagrams.splice(0);
  }

  close(): void {
    this.#socket.close();
  }
}

const endOf = (messages: readonly NetlinkMessage[], sequence: number): number | undefined => {
  const control = messages.filter((m) => m.sequence === sequence && m.port !== 0).map((m) => decodeControl(m, LITTLE_ENDIAN)).find((c) => c !== undefined);
  return control === undefined || control.kind === 'overrun' ? undefined : control.errno;
};

function run(...command: readonly string[]): void {
  const [program = '', ...args] = command;
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
}

async function work(): Promise<void> {
  const talk = new Talk();
  const say = (name: string, sent: Uint8Array | undefined, errno: number, datagrams: readonly Uint8Array[], sequence: number): void => {
    const ours = (d: Uint8Array): boolean => sequence !== 0 && decodeMessages(d, LITTLE_ENDIAN).some((m) => m.sequence === sequence && m.port !== 0);
    const line: Line = {
      name, kernel: release(), sent: sent === undefined ? '' : toHex(sent), errno,
      answers: datagrams.filter(ours).map(toHex), events: datagrams.filter((d) => !ours(d)).map(toHex),
    };
    appendFileSync(LINES_FILE, `${JSON.stringify(line)}\n`);
  };
  const request = async (name: string, encode: (sequence: number, littleEndian: boolean) => Uint8Array, sequence: number): Promise<void> => {
    const bytes = encode(sequence, LITTLE_ENDIAN);
    talk.send(bytes);
    const said = await talk.until(name, (messages) => endOf(messages, sequence) !== undefined);
    say(name, bytes, endOf(said.flatMap((d) => decodeMessages(d, LITTLE_ENDIAN)), sequence) ?? -1, said, sequence);
  };
  const events = async (name: string, count: number, type: number): Promise<void> => {
    const said = await talk.until(name, (messages) => messages.filter((m) => m.type === type).length >= count);
    say(name, undefined, 0, said, 0);
  };
  for (const [at, { name, encode }] of REQUESTS.entries()) await request(name, encode, at + 1);
  await request('sa add short', (n, le) => encodeXfrmSa('add', SHORT, n, le), REQUESTS.length + 1);
  await events('expire', 2, XFRM_MSG.EXPIRE);
  run('ip', 'link', 'add', 'dummy9', 'type', 'dummy');
  run('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'dummy9');
  run('ip', 'link', 'set', 'dummy9', 'up');
  run('ip', 'route', 'add', 'default', 'dev', 'dummy9');
  await request('policy add asking', (n, le) => encodeXfrmPolicy('add', ASKING, n, le), REQUESTS.length + 2);
  spawnSync('ping', ['-c', '1', '-W', '1', '-I', '192.0.2.1', '10.77.1.2']);
  await events('acquire', 1, XFRM_MSG.ACQUIRE);
  await request('sa add mapped', (n, le) => encodeXfrmSa('add', MAPPED, n, le), REQUESTS.length + 3);
  const stop = await peerBehindNat();
  await events('mapping', 1, XFRM_MSG.MAPPING);
  stop();
  run('ip', 'xfrm', 'state', 'flush');
  run('ip', 'xfrm', 'policy', 'flush');
  for (const command of iproute2Commands()) run('ip', 'xfrm', ...command);
  await events(COMMANDS, 1, XFRM_MSG.NEWPOLICY);
  talk.close();
}

/** The peer of `MAPPED` in a namespace of its own, which sends from another port than its SA here has; and a socket here that takes ESP in UDP. */
async function peerBehindNat(): Promise<() => void> {
  const { algorithm, source, destination, spi, encap } = MAPPED;
  if (algorithm.kind !== 'aead' || encap === undefined) throw new Error('the case changed');
  run('ip', 'netns', 'add', 'peer');
  run('ip', 'link', 'add', 'wan9', 'type', 'veth', 'peer', 'name', 'wan9', 'netns', 'peer');
  run('ip', 'address', 'add', `${destination}/24`, 'dev', 'wan9');
  run('ip', 'link', 'set', 'wan9', 'up');
  const there = (...command: readonly string[]): void => run('ip', '-n', 'peer', ...command);
  there('address', 'add', `${source}/24`, 'dev', 'wan9');
  there('link', 'set', 'wan9', 'up');
  there('route', 'add', 'default', 'via', destination);
  there('xfrm', 'state', 'add', 'src', source, 'dst', destination, 'proto', 'esp', 'spi', String(spi), 'reqid', '1', 'mode', 'tunnel', 'flag', 'esn', 'af-unspec', 'replay-window', '32',
    'aead', algorithm.name, hex(algorithm.key), '128', 'encap', 'espinudp', String(encap.sourcePort + 1), String(encap.destinationPort), '0.0.0.0');
  there('xfrm', 'policy', 'add', 'src', '0.0.0.0/0', 'dst', '10.9.0.0/16', 'dir', 'out', 'tmpl', 'src', source, 'dst', destination, 'proto', 'esp', 'reqid', '1', 'mode', 'tunnel');
  // Option 100 of UDP (17) is UDP_ENCAP, 2 is UDP_ENCAP_ESPINUDP (linux/udp.h); Node cannot set it.
  const socket = spawn('python3', ['-c', `import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('${destination}', ${encap.destinationPort}))
s.setsockopt(17, 100, 2)
print('listens', flush=True)
sys.stdin.read()`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve) => socket.stdout.once('data', resolve));
  spawnSync('ip', ['netns', 'exec', 'peer', 'ping', '-c', '1', '-W', '1', '10.9.0.1']);
  return () => void socket.stdin.end();
}

const hex = (octets: Uint8Array): string => `0x${toHex(octets)}`;

/** What another program asks for in words: three of our SAs and a policy. */
function iproute2Commands(): readonly (readonly string[])[] {
  const id = (sa: XfrmSa): string[] => ['src', sa.source, 'dst', sa.destination, 'proto', 'esp', 'spi', String(sa.spi), 'reqid', String(sa.reqid), 'mode', 'tunnel'];
  const { 'gcm-in': gcm, 'cbc-in': cbc, 'udp-out': udp } = SAS;
  if (gcm.algorithm.kind !== 'aead' || udp.algorithm.kind !== 'aead' || cbc.algorithm.kind !== 'pair') throw new Error('the cases changed');
  return [
    ['state', 'add', ...id(gcm), 'flag', 'esn', 'af-unspec', 'replay-window', '1024', 'if_id', '42', 'aead', gcm.algorithm.name, hex(gcm.algorithm.key), '128'],
    ['state', 'add', ...id(udp), 'flag', 'esn', 'af-unspec', 'replay-window', '1024', 'aead', udp.algorithm.name, hex(udp.algorithm.key), '128', 'encap', 'espinudp', '4500', '4501', '0.0.0.0'],
    ['state', 'add', ...id(cbc), 'flag', 'decap-dscp', 'af-unspec', 'replay-window', '20', 'enc', cbc.algorithm.encryption.name, hex(cbc.algorithm.encryption.key),
      'auth-trunc', cbc.algorithm.integrity.name, hex(cbc.algorithm.integrity.key), '128'],
    ['policy', 'add', 'src', '10.1.0.0/16', 'dst', '10.2.0.0/16', 'dir', 'out', 'priority', '1000', 'tmpl', 'src', '192.0.2.1', 'dst', '198.51.100.2', 'proto', 'esp', 'reqid', '9', 'mode', 'tunnel'],
  ];
}

// --- here

function declare(): void {
  const problem = umlProblem();
  const guest = problem === undefined ? new Uml('xfrm', fileURLToPath(import.meta.url), '256M') : undefined;
  const lines = new Map<string, Line>();
  const whole = guest?.ended.then(() => {
    for (const text of guest.read()) {
      const line = JSON.parse(text) as Line;
      lines.set(line.name, line);
    }
  });
  const story = (title: string, body: () => void): void => {
    test(title, { ...(problem === undefined ? {} : { skip: problem }), timeout: 300_000 }, async () => {
      await whole;
      assert.ok(lines.size > 0, guest?.report());
      body();
    });
  };
  const lineOf = (name: string): Line => lines.get(name) ?? assert.fail(`the guest ended before '${name}'\n${guest?.report() ?? ''}`);
  const bytesOf = (texts: readonly string[]): Uint8Array[] => texts.map((text) => fromHex(text) ?? assert.fail(text));
  const messagesOf = (texts: readonly string[]): NetlinkMessage[] => bytesOf(texts).flatMap((d) => decodeMessages(d, LITTLE_ENDIAN));
  /** The answers of a request, or what was told meanwhile, of one type. */
  const payloads = (texts: readonly string[], type: number): Uint8Array[] => messagesOf(texts).filter((m) => m.type === type).map((m) => m.payload);
  const sasOf = (name: string) => payloads(lineOf(name).answers, XFRM_MSG.NEWSA).map((p) => decodeXfrmSa(p, LITTLE_ENDIAN));
  const policiesOf = (name: string) => payloads(lineOf(name).answers, XFRM_MSG.NEWPOLICY).map((p) => decodeXfrmPolicy(p, LITTLE_ENDIAN));

  story('a kernel takes every request, and refuses those that must be refused with the errno that means it', () => {
    assert.deepEqual(REQUESTS.map(({ name }) => `${name}: ${lineOf(name).errno}`), REQUESTS.map(({ name, errno }) => `${name}: ${errno ?? 0}`));
  });

  story('SAs are told as they were asked for: AEAD with ESN, CBC, UDP of both families, inner of another family, numbers, limits, marks', () => {
    const told = sasOf('sa dump');
    assert.equal(told.length, Object.keys(SAS).length);
    for (const sa of Object.values<XfrmSa>(SAS)) assertSameSa(told.find((fact) => fact?.spi === sa.spi && fact.destination === sa.destination), sa);
    assertSameSa(sasOf('sa get')[0], SAS['gcm-out']);
    assertSameSa(sasOf('sa get updated')[0], UPDATED);
    assert.equal(sasOf('sa dump of none').length, 0);
  });

  story('the numbers of an SA are told, and told anew after they were set', () => {
    // The answer has the number of the request, and 0 for its port, like an event.
    const ae = (name: string) => payloads(lineOf(name).events, XFRM_MSG.NEWAE).map((p) => decodeXfrmAe(p, LITTLE_ENDIAN))[0];
    assert.deepEqual(ae('ae get')?.replay, SAS['preset-in'].replay);
    const set = ae('ae get after set');
    assert.deepEqual([set?.replay, set?.replayWindow, set?.counters?.octets, set?.reqid, set?.source], [NUMBERS, 1024, 5000n, 7, SAS['preset-in'].source]);
    assert.deepEqual(ae('ae get old form')?.replay, { outbound: 17n, inbound: 0xffff_ffffn, bitmap: [0xf000000f] });
    assert.deepEqual([ae('ae get with mark')?.id.mark, ae('ae get with mark')?.counters?.packets, ae('ae get with mark')?.ifId], [SAS['gcm-out'].mark, 50n, 42]);
  });

  story('policies of every direction are told as they were asked for', () => {
    const told = policiesOf('policy dump');
    assert.equal(told.length, Object.keys(POLICIES).length);
    const keyOf = (policy: XfrmPolicy | undefined): string => JSON.stringify([policy?.direction, policy?.selector]);
    for (const policy of Object.values<XfrmPolicy>(POLICIES)) assertSamePolicy(told.find((fact) => keyOf(fact) === keyOf(policy)), policy);
    assertSamePolicy(policiesOf('policy get')[0], POLICIES['six-in-four']);
    assertSamePolicy(policiesOf('policy get updated')[0], REPLACED);
    assert.equal(policiesOf('policy dump of none').length, 0);
  });

  story('MIGRATE moves both SAs and the policies of three directions, numbers and window kept, ports changed', () => {
    const told = sasOf('sa dump after migrate');
    assert.equal(told.length, Object.keys(SAS).length);
    for (const sa of MOVED) assertSameSa(told.find((fact) => fact?.spi === sa.spi && fact.destination === sa.destination), sa);
    const templates = policiesOf('policy dump after migrate').filter((p) => p?.templates[0]?.reqid === 9).map((p) => p?.templates[0]);
    assert.equal(templates.length, 3);
    for (const template of templates) assert.ok(template?.source === MOVED[0]?.source || template?.destination === MOVED[0]?.source);
    for (const migration of MIGRATIONS) {
      const [event] = payloads(lineOf(`migrate ${migration.direction}`).events, XFRM_MSG.MIGRATE);
      assert.deepEqual(event && decodeXfrmMigration(event, LITTLE_ENDIAN), migration);
    }
  });

  story('deletions are told to the groups with what was deleted', () => {
    const [sa] = payloads(lineOf('sa delete gcm-out').events, XFRM_MSG.DELSA);
    const { destination, spi, source, reqid, ifId, mark } = SAS['gcm-out'];
    assert.deepEqual(sa && decodeXfrmSaGone(sa, LITTLE_ENDIAN), { destination, spi, source, reqid, ifId, mark });
    const [policy] = payloads(lineOf('policy delete ports-fwd').events, XFRM_MSG.DELPOLICY);
    assertSamePolicy(policy && decodeXfrmPolicyGone(policy, LITTLE_ENDIAN), POLICIES['ports-fwd']);
  });

  story('EXPIRE comes soft, then hard; ACQUIRE says which tunnel a packet wants', () => {
    const expiries = payloads(lineOf('expire').events, XFRM_MSG.EXPIRE).map((p) => decodeXfrmExpire(p, LITTLE_ENDIAN));
    assert.deepEqual(expiries.map((e) => [e?.hard, e?.spi, e?.reqid, e?.ifId, e?.mark?.value]), [[false, SHORT.spi, 77, 42, 3], [true, SHORT.spi, 77, 42, 3]]);
    const [acquire] = payloads(lineOf('acquire').events, XFRM_MSG.ACQUIRE).map((p) => decodeXfrmAcquire(p, LITTLE_ENDIAN));
    assert.deepEqual([acquire?.source, acquire?.destination, acquire?.reqid, acquire?.ifId, (acquire?.policyIndex ?? 0) & 7], ['192.0.2.1', '198.51.100.2', 55, 0, 1]);
    assert.equal(acquire?.selector?.destination.address, '10.77.1.2');
  });

  story('MAPPING comes when the peer sends from another port', () => {
    const [mapping] = payloads(lineOf('mapping').events, XFRM_MSG.MAPPING).map((p) => decodeXfrmMapping(p, LITTLE_ENDIAN));
    const { source, destination, spi, reqid, encap } = MAPPED;
    assert.ok(encap);
    assert.deepEqual(mapping, { destination, spi, reqid, from: { address: source, port: encap.sourcePort }, to: { address: source, port: encap.sourcePort + 1 } });
  });

  story('SAs and a policy of iproute2 are told as the same values as ours', () => {
    const { events } = lineOf(COMMANDS);
    const told = payloads(events, XFRM_MSG.NEWSA).map((p) => decodeXfrmSa(p, LITTLE_ENDIAN));
    const fresh = ({ replay: _replay, counters: _counters, ...sa }: XfrmSa): XfrmSa => sa;
    for (const sa of [SAS['gcm-in'], SAS['udp-out'], SAS['cbc-in']]) assertSameSa(told.find((fact) => fact?.spi === sa.spi), fresh(sa));
    assertSamePolicy(payloads(events, XFRM_MSG.NEWPOLICY).map((p) => decodeXfrmPolicy(p, LITTLE_ENDIAN))[0], POLICIES.out);
  });

  if (process.env['GOLDEN'] === 'write') {
    story('what was said is kept', () => {
      mkdirSync(XFRM_FOLDER, { recursive: true });
      const keep = (name: string, source: string, texts: readonly string[]): void => {
        const from = name === XFRM_REQUESTS ? 'accepted by' : 'recorded from';
        const expect = name === XFRM_REQUESTS ? REQUESTS.map((r) => r.name) : xfrmLines(bytesOf(texts), LITTLE_ENDIAN);
        writeFileSync(`${XFRM_FOLDER}/${name}.txt`, `-- Source --\n${source}\n${from} Linux ${lineOf('sa dump').kernel} (User Mode Linux), little-endian, one datagram a line\n-- Input --\n${texts.join('\n')}\n-- Expect --\n${expect.join('\n')}\n`);
      };
      const answers = (...names: readonly string[]): string[] => names.flatMap((name) => lineOf(name).answers);
      const told = (...names: readonly string[]): string[] => names.flatMap((name) => lineOf(name).events);
      keep(XFRM_REQUESTS, 'the requests of test/codec/netlink/xfrm-cases.ts, in order, and their names', REQUESTS.map(({ name }) => lineOf(name).sent));
      keep('sa-dump', 'GETSA dump of the SAs of test/codec/netlink/xfrm-cases.ts, and one after UPDSA', answers('sa dump', 'sa get updated'));
      keep('sa-moved', 'GETSA dump after MIGRATE', answers('sa dump after migrate'));
      keep('ae', 'GETAE, before and after NEWAE; of the old form; with mark', told('ae get', 'ae get after set', 'ae get old form', 'ae get with mark'));
      keep('policy-dump', 'GETPOLICY dump of the policies of test/codec/netlink/xfrm-cases.ts', answers('policy dump'));
      keep('policy-moved', 'GETPOLICY dump after UPDPOLICY and MIGRATE', answers('policy dump after migrate'));
      keep('changes', 'what is told to groups: SA added, numbers set, policy added and replaced, moves, SA and policy deleted',
        told('sa add gcm-out', 'ae set', 'policy add in', 'policy update', 'migrate out', 'migrate in', 'migrate fwd', 'sa delete gcm-out', 'policy delete ports-fwd'));
      keep('expire', 'an SA of 1 s (soft) and 4 s (hard)', told('expire'));
      keep('acquire', 'ping through a policy without SA', told('acquire'));
      keep('mapping', 'ESP in UDP from another port than the SA has', told('mapping'));
      keep('iproute2', 'ip xfrm state add, ip xfrm policy add: what is told of them', told(COMMANDS));
    });
  }

  after(async () => {
    await guest?.close(process.env['KEEP_GUESTS'] !== undefined);
  });
}

if (GUEST === undefined) declare();
else await work();
