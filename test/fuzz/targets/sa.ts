// An IKE SA in each of its states, and a peer with the right keys that says anything. An input is a list of messages:
//   form (1)  first payload's type (1)  length (2)  octets
// The form says what is made of the octets: bits 0..1 exchange, bit 2 response, bits 3..4 message ID, bits 5..7 kind.
import assert from 'node:assert/strict';
import { concat, ip, millis, type Path } from '../../../src/base/index.ts';
import { encodeHeader, encodePayloads, HEADER_OCTETS, notify, PAYLOAD, type IkeSpi, type Payload } from '../../../src/codec/ike/index.ts';
import type { IkeInput } from '../../../src/ike/index.ts';
import { cert, certified, crt, fqdn, hashes, signedPayloads } from '../../ike/certified.ts';
import { connection, on4500, Pair, path, prefixes, type Side } from '../../ike/pair.ts';
import { DELETE_IKE, deleteEsp, espOffer, HUB_NET, ikeOffer, range, rawNotify, rekeySa, ROUTER_NET, ScriptedPeer, spi8, suite, type Heard } from '../../ike/scripted-peer.ts';
import type { Target } from '../target.ts';
import { repairChain } from './ike.ts';

const EXCHANGES = ['IKE_SA_INIT', 'IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'] as const;
const KIND = { sealed: 0, padded: 1, before: 2, fragment: 3, plain: 4, raw: 5, elsewhere: 6, act: 7 } as const;
type Kind = keyof typeof KIND;
const KINDS = Object.keys(KIND) as Kind[];
/** Messages of one input that are looked at. */
const MESSAGES_MOST = 6;

/** Octets that stand for what only the running session knows: 32 octets beginning so, the fourth says what. */
const MARK = [0xa5, 0xa5, 0xa5] as const;
const MARKED = { auth: 0, publicValue: 1, nonce: 2, natSource: 3, natDestination: 4, signature: 5 } as const;
/** AUTH data with Ed25519: length, AlgorithmIdentifier, signature. */
const SIGNATURE_OCTETS = 1 + 7 + 64;
const marker = (what: keyof typeof MARKED, octets = 32): Uint8Array => Uint8Array.of(...MARK, MARKED[what], ...new Uint8Array(octets - 4));

/** All that an unauthenticated datagram must not change. */
export const picture = (side: Side): string =>
  JSON.stringify([side.engine.status(), [...side.sas.keys()], [...side.inUse], [...side.bundlePath]], (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

class FuzzPeer extends ScriptedPeer {
  /** The engine's request that waits for an answer. */
  asked: Heard | undefined;
  #iv = 1n << 40n;

  override initPayloads(): Payload[] {
    return [...super.initPayloads(), notify('IKEV2_FRAGMENTATION_SUPPORTED'), hashes(2, 3, 4, 5)];
  }

  override initAnswer(change: { readonly natted?: boolean } = {}): Payload[] {
    return [...super.initAnswer(change), notify('IKEV2_FRAGMENTATION_SUPPORTED'), hashes(2, 3, 4, 5)];
  }

  override hear(): Heard[] {
    const heard = super.hear();
    this.asked = heard.filter(({ header }) => !header.isResponse).at(-1) ?? this.asked;
    return heard;
  }

  /** One fragment (RFC 7383 §2.5), sealed with AES-GCM. */
  fragment(exchange: number, isResponse: boolean, messageId: number, first: number, number: number, total: number, text: Uint8Array): Uint8Array {
    assert.ok(this.keys);
    const room = 8 + text.length + 1 + 16;
    const chain = encodePayloads([{ type: 'SKF', firstInner: first, fragment: number, total, body: new Uint8Array(room), bodyOffset: 0 }]).bytes;
    const header = {
      spiI: this.spiI as IkeSpi, spiR: this.spiR as IkeSpi, majorVersion: 2, minorVersion: 0, exchange, fromOriginalInitiator: this.original, isResponse, messageId,
      nextPayload: PAYLOAD.SKF.code,
    };
    const head = concat(encodeHeader(header, HEADER_OCTETS + chain.length), chain.subarray(0, chain.length - room));
    const key = this.original ? this.keys.skEi : this.keys.skEr;
    const iv = spi8(this.#iv++);
    return concat(head, iv, suite.aead('aes-gcm-16', key.subarray(0, -4)).seal(concat(key.slice(-4), iv), head, concat(text, Uint8Array.of(0))));
  }

  /** Puts what only this session knows where an input has marks for it. */
  fill(octets: Uint8Array): Uint8Array {
    const out = octets.slice();
    for (let at = 0; at + 20 <= out.length; at++) {
      if (out[at] !== MARK[0] || out[at + 1] !== MARK[1] || out[at + 2] !== MARK[2]) continue;
      const value = this.#value(out[at + 3] ?? 0);
      if (value && at + value.length <= out.length) out.set(value, at);
    }
    return out;
  }

  #value(what: number): Uint8Array | undefined {
    if (what === MARKED.auth) {
      const auth = this.keys && this.authPayloads()[1];
      return auth?.type === 'AUTH' ? auth.data : undefined;
    }
    if (what === MARKED.signature) {
      const auth = this.keys && signedPayloads(this, { certs: [], key: 'hub-ed25519', scheme: 'ed25519' }).at(-1);
      return auth?.type === 'AUTH' ? auth.data : undefined;
    }
    if (what === MARKED.publicValue) return this.dh.publicValue;
    if (what === MARKED.nonce) return this.isInitiator ? this.ni : this.nr;
    const nat = this.natPayloads(this.spiI, this.spiR)[what === MARKED.natSource ? 0 : 1];
    return what <= MARKED.natDestination && nat?.type === 'N' ? nat.data : undefined;
  }
}

/** How each state is reached. */
const STATES: { readonly [name: string]: { readonly against: 'hub' | 'router'; readonly reach: (peer: FuzzPeer) => void; readonly pair?: () => Pair } } = {
  'router-init-sent': { against: 'router', reach: (peer) => void (peer.asked = peer.initiated()) },
  'router-auth-sent': { against: 'router', reach: (peer) => void peer.answerInit(peer.initiated()) },
  'router-established': { against: 'router', reach: (peer) => void peer.accept() },
  'router-rekeying-ike': { against: 'router', reach: (peer) => act(peer, peer.accept(), { type: 'ike.rekey', chain: peer.chain }) },
  'router-rekeying-child': { against: 'router', reach: (peer) => act(peer, peer.accept(), { type: 'child.rekey', chain: peer.chain, child: 'lan' }) },
  'router-moving': { against: 'router', reach: (peer) => act(peer, peer.accept(), moveTo(peer, 'lte')) },
  'router-deleting': { against: 'router', reach: (peer) => act(peer, peer.accept(), { type: 'chain.close', chain: peer.chain, reason: 'requested' }) },
  'router-rekeyed': { against: 'router', reach: (peer) => rekeyedByUs(peer, peer.accept(), 0) },
  'router-auth-sent-cert': { against: 'router', reach: (peer) => void peer.answerInit(peer.initiated()), pair: () => certified({ router: { localId: fqdn('router.example.com') } }) },
  'hub-half-open-cert': { against: 'hub', reach: halfOpen, pair: () => certified() },
  'hub-half-open-pool': { against: 'hub', reach: halfOpen, pair: () => new Pair('scripted', connection('initiator'), connection('responder', { pools: prefixes('10.99.0.0/28', '2001:db8:99::/124') })) },
  'hub-half-open': { against: 'hub', reach: halfOpen },
  'hub-established': { against: 'hub', reach: (peer) => void peer.connect() },
  'hub-rekeying-ike': { against: 'hub', reach: (peer) => act(peer, peer.connect(), { type: 'ike.rekey', chain: peer.chain }) },
  'hub-rekeying-child': { against: 'hub', reach: (peer) => act(peer, peer.connect(), { type: 'child.rekey', chain: peer.chain, child: 'lan' }) },
  'hub-deleting': { against: 'hub', reach: (peer) => act(peer, peer.connect(), { type: 'chain.close', chain: peer.chain, reason: 'requested' }) },
  'hub-rekeyed': { against: 'hub', reach: (peer) => rekeyedByUs(peer, peer.connect(), 2) },
};

function halfOpen(peer: FuzzPeer): void {
  const [answer] = peer.init();
  assert.ok(answer);
  peer.takeInit(answer);
}

/** `_up` is there to say that the SA is up before. */
function act(peer: FuzzPeer, _up: Heard, input: IkeInput): void {
  peer.pair.feed(peer.side, input);
  peer.hear();
}

function rekeyedByUs(peer: FuzzPeer, _up: Heard, nextId: number): void {
  peer.nextId = nextId;
  const offer = ikeOffer(31).map((proposal) => ({ ...proposal, spi: spi8(0x99n) }));
  peer.answerTo('CREATE_CHILD_SA', [{ type: 'SA', proposals: offer }, { type: 'NONCE', data: new Uint8Array(32).fill(9) }, { type: 'KE', group: 31, data: peer.dh.publicValue }]);
}

const moveTo = (peer: ScriptedPeer, uplink: 'wan' | 'lte'): IkeInput => ({ type: 'path.move', chain: peer.chain, path: on4500(path(uplink)), reasons: [], since: peer.pair.now });

/** What the daemon may ask for at any time. */
const ACTS: readonly ((peer: ScriptedPeer, octet: number) => IkeInput)[] = [
  (peer) => ({ type: 'ike.rekey', chain: peer.chain }),
  (peer) => ({ type: 'child.rekey', chain: peer.chain, child: 'lan' }),
  (peer, octet) => moveTo(peer, octet % 2 === 0 ? 'wan' : 'lte'),
  (peer) => ({ type: 'path.probe', chain: peer.chain, path: on4500(path('lte')) }),
  (peer) => ({ type: 'path.race', chain: peer.chain, paths: [on4500(path('lte')), on4500(path('wan'))] }),
  (peer) => ({ type: 'liveness.check', chain: peer.chain }),
  (peer, octet) => ({ type: 'child.want', chain: peer.chain, child: 'lan', up: octet % 2 === 0 }),
  (peer) => ({ type: 'chain.close', chain: peer.chain, reason: 'requested' }),
  (peer) => ({ type: 'child.used', handle: [...peer.side.sas.keys()].at(-1) ?? 0 }),
];

/** Where a datagram comes from that is not from the peer's place. */
function elsewhere(peer: ScriptedPeer): Path {
  return { ...peer.path, remote: { address: ip('198.51.100.66'), port: peer.path.remote.port } };
}

function say(peer: FuzzPeer, form: number, first: number, octets: Uint8Array): void {
  const kind = KINDS[form >> 5] ?? 'raw';
  const exchange = EXCHANGES[form & 3] ?? 'INFORMATIONAL';
  const isResponse = (form & 4) !== 0;
  const right = isResponse ? (peer.asked?.header.messageId ?? 0) : peer.nextId;
  const messageId = [right, right, 0, right + 1][(form >> 3) & 3] ?? right;
  const sealed = peer.keys !== undefined;
  switch (kind) {
    case 'act': {
      const what = ACTS[first % (ACTS.length + 1)];
      if (what) peer.pair.feed(peer.side, what(peer, octets[0] ?? 0));
      else peer.wait(100 * (1 + (octets[0] ?? 0)));
      return;
    }
    case 'plain':
    case 'raw': {
      const before = peer.side.engine.status().length > 0 ? picture(peer.side) : undefined;
      const events = peer.side.events.length;
      if (kind === 'raw') peer.deliver(octets);
      else peer.deliver(concat(peer.plain(exchange, isResponse, messageId, [], {}).fill(first, 16, 17), octets).map((octet, i, all) => (i >= 24 && i < 28 ? all.length >>> (8 * (27 - i)) : octet)));
      if (before === undefined) return;
      assert.equal(picture(peer.side), before, 'what is not authenticated changes nothing');
      assert.equal(peer.side.events.length, events);
      return;
    }
    case 'fragment':
      if (sealed) peer.deliver(peer.fragment([34, 35, 36, 37][form & 3] ?? 37, isResponse, messageId, first, octets[0] ?? 1, octets[1] ?? 1, peer.fill(octets.subarray(2))));
      return;
    default: {
      if (!sealed) return;
      const plaintext = { first, bytes: peer.fill(octets) };
      const before: readonly Payload[] = kind === 'before' ? [{ type: 'V', data: Uint8Array.of(1, 2, 3) }] : [];
      peer.deliver(peer.seal(exchange, isResponse, messageId, [], { plaintext, before, padding: kind === 'padded' ? 13 : 0 }), kind === 'elsewhere' ? elsewhere(peer) : peer.path);
    }
  }
}

/** Whatever was said: everything ends, every key is wiped, nothing stays installed. */
function checkEnd(peer: ScriptedPeer): void {
  const { side, pair } = peer;
  const { engine } = side;
  const { sas, chains, childSpis } = engine.sizes();
  assert.ok(sas <= 4 && chains <= 2 && childSpis <= 64, `${sas} IKE SAs, ${chains} chains, ${childSpis} SPIs`);
  for (const name of ['hq', 'branches']) pair.feed(side, { type: 'connection.terminate', connection: name });
  for (let minute = 0; minute < 10 && !engine.idle; minute++) pair.runFor(millis(60_000));
  assert.ok(engine.idle, `after ten minutes there are ${JSON.stringify(engine.sizes())}`);
  assert.deepEqual([...side.sas.keys()], [], 'no ESP SA is left installed');
  assert.equal(side.crypto.ciphers.size, 0, 'every cipher is wiped');
  assert.equal(side.crypto.privates.size, 0, 'every private value is wiped');
  const closed = side.of('ike.closed').map((event) => event.chain);
  assert.equal(new Set(closed).size, closed.length, 'a chain is closed once');
}

function converse(state: string, input: Uint8Array): void {
  const row = STATES[state];
  assert.ok(row);
  const peer = row.pair ? new FuzzPeer(row.against, {}, row.pair()) : new FuzzPeer(row.against);
  row.reach(peer);
  peer.hear();
  let at = 0;
  for (let count = 0; count < MESSAGES_MOST && at + 4 <= input.length; count++) {
    const length = ((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0);
    say(peer, input[at] ?? 0, input[at + 1] ?? 0, input.subarray(at + 4, at + 4 + length));
    at += 4 + length;
    const heard = peer.hear();
    if (heard.some((message) => message.header.isResponse && message.header.messageId === peer.nextId)) peer.nextId++;
  }
  checkEnd(peer);
}

// ---- Seeds ---------------------------------------------------------------------------------------------------------

const message = (exchange: (typeof EXCHANGES)[number], payloads: readonly Payload[], { response = false, kind = 'sealed' as Kind } = {}): Uint8Array => {
  const { first, bytes } = encodePayloads(payloads);
  return Uint8Array.of((KIND[kind] << 5) | (response ? 4 : 0) | EXCHANGES.indexOf(exchange), first, bytes.length >> 8, bytes.length, ...bytes);
};
const doing = (what: number, octet = 0): Uint8Array => Uint8Array.of(KIND.act << 5, what, 0, 1, octet);

function seeds(against: 'hub' | 'router'): Uint8Array[] {
  const nonce: Payload = { type: 'NONCE', data: marker('nonce') };
  const ke: Payload = { type: 'KE', group: 31, data: marker('publicValue') };
  const [ours, theirs] = against === 'hub' ? [ROUTER_NET, HUB_NET] : [HUB_NET, ROUTER_NET];
  const ts: readonly Payload[] = [{ type: 'TSi', selectors: [ours] }, { type: 'TSr', selectors: [theirs] }];
  const answerTs: readonly Payload[] = [{ type: 'TSi', selectors: [theirs] }, { type: 'TSr', selectors: [ours] }];
  const nat: readonly Payload[] = [notify('NAT_DETECTION_SOURCE_IP', marker('natSource', 20)), notify('NAT_DETECTION_DESTINATION_IP', marker('natDestination', 20))];
  const id: Payload = { type: against === 'hub' ? 'IDi' : 'IDr', idType: 1, data: Uint8Array.of(...(against === 'hub' ? [192, 0, 2, 10] : [203, 0, 113, 1])), body: new Uint8Array() };
  const auth: readonly Payload[] = [id, { type: 'AUTH', method: 2, data: marker('auth') }, { type: 'SA', proposals: espOffer(0x1000) }, ...(against === 'hub' ? ts : answerTs), notify('MOBIKE_SUPPORTED')];
  const name = fqdn(against === 'hub' ? 'router.example.com' : 'hub.example.com');
  const leaf = crt(against === 'hub' ? 'router' : 'hub-ed25519');
  const signed: readonly Payload[] = [
    { type: against === 'hub' ? 'IDi' : 'IDr', idType: name.idType, data: name.data, body: new Uint8Array() }, cert(leaf), cert(crt('inter')),
    { type: 'AUTH', method: 14, data: marker('signature', SIGNATURE_OCTETS) }, ...auth.slice(2),
  ];
  const request: Payload = { type: 'CP', cfgType: 1, attributes: [1, 3, 8, 10].map((type) => ({ type, value: new Uint8Array() })) };
  const ikeSpi = ikeOffer(31).map((proposal) => ({ ...proposal, spi: spi8(0x77n) }));
  const esp = (spi: number): Payload => ({ type: 'SA', proposals: espOffer(spi) });
  const requests = [
    message('INFORMATIONAL', []), message('INFORMATIONAL', [deleteEsp(0x1000)]), message('INFORMATIONAL', [DELETE_IKE]), message('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES'), ...nat, rawNotify(16_401, new Uint8Array(16))]),
    message('INFORMATIONAL', [notify('NO_ADDITIONAL_ADDRESSES'), rawNotify(4), rawNotify(24), rawNotify(16_384)]), message('INFORMATIONAL', [{ type: 'CP', cfgType: 3, attributes: [{ type: 1, value: Uint8Array.of(10, 1, 0, 9) }] }]),
    message('CREATE_CHILD_SA', [esp(0x1001), nonce, ...ts]), message('CREATE_CHILD_SA', [rekeySa(0x1000), esp(0x1002), nonce, ...ts]), message('CREATE_CHILD_SA', [{ type: 'SA', proposals: ikeSpi }, nonce, ke]),
    message('CREATE_CHILD_SA', [{ type: 'SA', proposals: espOffer(0x1003, 31) }, nonce, ke, { type: 'TSi', selectors: [range('10.0.0.0', '10.255.255.255')] }, { type: 'TSr', selectors: [theirs] }]),
    message('IKE_AUTH', signed), message('IKE_AUTH', [...signed, { type: 'CERTREQ', encoding: 4, data: new Uint8Array(40) }]), message('IKE_AUTH', [...auth.slice(0, 2), request, ...auth.slice(2)]),
    message('IKE_AUTH', auth), message('IKE_AUTH', [...auth, { type: 'CP', cfgType: 1, attributes: [{ type: 1, value: new Uint8Array() }] }]), message('IKE_SA_INIT', [{ type: 'SA', proposals: ikeOffer(31) }, ke, nonce, ...nat], { kind: 'plain' }),
  ];
  const answers = [
    message('INFORMATIONAL', [], { response: true }), message('INFORMATIONAL', [...nat, rawNotify(16_401, new Uint8Array(16))], { response: true }), message('INFORMATIONAL', [deleteEsp(0x1000)], { response: true }),
    message('CREATE_CHILD_SA', [esp(0x1004), nonce, ...answerTs], { response: true }), message('CREATE_CHILD_SA', [{ type: 'SA', proposals: ikeSpi }, nonce, ke], { response: true }), message('CREATE_CHILD_SA', [rawNotify(14)], { response: true }),
    message('CREATE_CHILD_SA', [rawNotify(43)], { response: true }), message('CREATE_CHILD_SA', [rawNotify(44)], { response: true }), message('CREATE_CHILD_SA', [rawNotify(17, Uint8Array.of(0, 19))], { response: true }),
    message('IKE_AUTH', signed, { response: true }), message('IKE_AUTH', auth, { response: true }), message('IKE_AUTH', [rawNotify(24)], { response: true }), message('IKE_SA_INIT', [{ type: 'SA', proposals: ikeOffer(31) }, ke, nonce, ...nat], { response: true, kind: 'plain' }),
    message('IKE_SA_INIT', [notify('COOKIE', new Uint8Array(16))], { response: true, kind: 'plain' }), message('IKE_SA_INIT', [rawNotify(17, Uint8Array.of(0, 19))], { response: true, kind: 'plain' }),
  ];
  const { first, bytes } = encodePayloads(auth);
  const half = bytes.length >> 1;
  const piece = (number: number, octets: Uint8Array): Uint8Array => Uint8Array.of((KIND.fragment << 5) | 1, number === 1 ? first : 0, 0, octets.length + 2, number, 2, ...octets);
  const fragments = concat(piece(1, bytes.subarray(0, half)), piece(2, bytes.subarray(half)));
  const [dpd = new Uint8Array(), , , update = new Uint8Array()] = requests;
  return [
    ...requests, ...answers, fragments,
    concat(...ACTS.slice(0, 5).map((_, i) => doing(i))), concat(...ACTS.slice(5).map((_, i) => doing(i + 5))), doing(ACTS.length, 200), concat(dpd, doing(2, 1), update),
    concat(message('IKE_AUTH', auth), doing(1), message('CREATE_CHILD_SA', [esp(0x1005), nonce, ...answerTs], { response: true })),
  ];
}

export const SA_TARGETS: readonly Target[] = Object.entries(STATES).map(([state, { against }]) => ({
  name: `sa-${state}`, most: 1600, parser: false,
  seeds: () => seeds(against),
  run: (input) => converse(state, input),
  repair(prng, input) {
    // The octets of one message, as long as it says it is.
    for (let at = 0; at + 4 <= input.length; ) {
      const length = Math.min(((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0), input.length - at - 4);
      if (prng.chance(0.7)) repairChain(prng, input.subarray(at + 4, at + 4 + length), 0);
      at += 4 + length;
    }
  },
}));
