import assert from 'node:assert/strict';
import type { Instant, Path } from '../../../src/base/index.ts';
import { instant, ipBytes } from '../../../src/base/index.ts';
import type { EspDatagram } from '../../../src/esp/index.ts';
import { SoftEsp } from '../../../src/esp/index.ts';
import type { EspEffect, EspInput, EspReport, Input } from '../../../src/ports/index.ts';
import { createEspPort } from '../../../src/adapters/node/esp.ts';
import { NativeHost } from '../../../src/adapters/node/native.ts';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { createUdpPort, endpointOf } from '../../../src/adapters/node/udp.ts';

/** The C plane and its model in TypeScript, given the same effects and packets; every difference is a failure. */
export class EspTwins {
  readonly native = new NativeHost();
  /** The model takes the IVs of CBC packets that the C plane drew. */
  readonly soft = new SoftEsp(nodeCrypto(), { entropy: { bytes: () => this.#iv } });
  #iv = new Uint8Array(16);
  readonly #port = createEspPort(this.native);
  /** `esp.firstInbound` handles of the C plane since the last call. */
  #inputs: Input[] = [];
  readonly #now: Instant = instant(1);

  constructor() {
    createUdpPort(this.native);
  }

  /** `make` is called for each plane: an effect's key belongs to its port. */
  apply(make: () => EspEffect): void {
    this.#perform(make());
    this.soft.apply(make(), this.#now);
  }

  #perform(effect: EspEffect): void {
    this.#port.perform(effect, (input) => this.#inputs.push(input));
  }

  skipTo(handle: number, sequence: number): void {
    this.native.addon.espSkipTo(this.native.handle, handle, sequence);
    this.soft.skipTo(handle, sequence);
  }

  /** The datagram both planes make of a packet from TUN, or undefined when both drop it. */
  outbound(inner: Uint8Array): EspDatagram | undefined {
    const { addon, handle } = this.native;
    const made = addon.espEncapsulate(handle, inner);
    this.#iv = made?.bytes.slice(8, 24) ?? new Uint8Array(16);
    const [expected] = this.soft.outbound(inner, this.#now);
    const got = made && {
      ifindex: made.ifindex, local: endpointOf(made.local, made.localPort), remote: endpointOf(made.remote, made.remotePort),
      trafficClass: made.trafficClass, dontFragment: made.dontFragment === 1, bytes: made.bytes,
    };
    assert.deepEqual(got && { ...got, bytes: hexOf(got.bytes) }, expected && { ...expected, bytes: hexOf(expected.bytes) });
    const [reply] = this.soft.takeReplies();
    assert.deepEqual(hexOf(addon.espTakeReply(handle)), hexOf(reply));
    return got;
  }

  /** The packet both planes make of a datagram, or undefined when both drop it. */
  inbound(path: Path, bytes: Uint8Array, trafficClass = 0): Uint8Array | undefined {
    const { addon, handle } = this.native;
    const { ifindex, local, remote } = path;
    this.#inputs = [];
    const got = addon.espDecapsulate(handle, ifindex, ipBytes(local.address), local.port, ipBytes(remote.address), remote.port, trafficClass, bytes);
    const expected = this.soft.inbound({ ifindex, local, remote, trafficClass, bytes: bytes.slice() }, this.#now);
    assert.deepEqual(hexOf(got), hexOf(expected.inner));
    // The rate limit of unknown SPIs runs on two clocks here.
    const firsts = (inputs: readonly Input[] | readonly EspInput[]): unknown[] => inputs.filter((input) => input.type === 'esp.firstInbound');
    assert.deepEqual(firsts(this.#inputs), firsts(expected.inputs));
    return got;
  }

  /** What both planes held for SAs that have come since. */
  held(): Uint8Array[] {
    const got: Uint8Array[] = [];
    this.#inputs = [];
    for (let inner = this.native.addon.espTakeHeld(this.native.handle); inner !== undefined; inner = this.native.addon.espTakeHeld(this.native.handle)) got.push(inner);
    const expected = this.soft.takeHeld(this.#now);
    assert.deepEqual(got.map(hexOf), expected.inners.map(hexOf));
    assert.deepEqual(this.#inputs, expected.inputs);
    return got;
  }

  /** The bundle that both planes tell of an ICMP message about this quote, if any. */
  tooBig({ ifindex, local, remote }: Path, mtu: number, quote: Uint8Array): number | undefined {
    const { addon, handle } = this.native;
    const got = addon.espTooBig(handle, ifindex, ipBytes(local.address), local.port, ipBytes(remote.address), remote.port, mtu, quote);
    const [expected] = this.soft.tooBig(local, remote, mtu, quote, this.#now);
    assert.deepEqual(expected, got === undefined ? undefined : { type: 'esp.tooBig', bundle: got, local, remote, mtu });
    return got;
  }

  /** Reports of both, compared without their times. */
  compareReports(): EspReport {
    this.#inputs = [];
    this.#perform({ type: 'esp.poll' });
    const polled = this.#inputs.find((input) => input.type === 'esp.polled');
    assert.ok(polled?.type === 'esp.polled');
    assert.deepEqual(timeless(polled.report), timeless(this.soft.report()));
    return polled.report;
  }

  close(): void {
    this.#port.close();
    this.native.close();
  }
}

const hexOf = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex');

function timeless(report: EspReport): unknown {
  return {
    ...report,
    bundles: report.bundles.map((bundle) => ({
      ...bundle, lastSent: bundle.lastSent !== undefined, lastAny: bundle.lastAny !== undefined,
      inbound: bundle.inbound.map((row) => ({ ...row, last: 0, ahead: row.ahead !== undefined })),
    })),
  };
}

/** Twins for one test, closed after it. */
export function withTwins(body: (twins: EspTwins) => void): void {
  const twins = new EspTwins();
  try {
    body(twins);
  } finally {
    twins.close();
  }
}
