import { after, ByteWriter, concat, ipBytes, ipFamily, wipe, type Instant, type IpAddress } from '../base/index.ts';
import type { IkeSpi } from '../codec/ike/index.ts';
import { COOKIE_SECRET_TIME } from './constants.ts';
import type { IkeDeps } from './types.ts';

/**
 * Stateless cookies (RFC 7296 §2.6): version | HMAC-SHA-256(secret, family | address padded to 16 | SPIi | Ni). The fields of fixed
 * length come first, so that no address of one family is a prefix of another's. No port: some NATs rebind (I2.6-2).
 */
export class Cookies {
  readonly #deps: IkeDeps;
  #version = 0;
  #secrets: Uint8Array[] = [];
  #rotateAt: Instant | undefined;

  constructor(deps: IkeDeps) {
    this.#deps = deps;
  }

  #rotate(now: Instant): void {
    if (this.#rotateAt !== undefined && now < this.#rotateAt) return;
    // After a quiet time the secret before this one is too old as well.
    const kept = this.#rotateAt !== undefined && now < after(this.#rotateAt, COOKIE_SECRET_TIME) ? 1 : 0;
    wipe(...this.#secrets.slice(kept));
    this.#rotateAt = after(now, COOKIE_SECRET_TIME);
    this.#version = (this.#version + 1) & 255;
    this.#secrets = [this.#deps.entropy.bytes(32, 'cookie-secret'), ...this.#secrets.slice(0, kept)];
  }

  #make(version: number, secret: Uint8Array, address: IpAddress, spiI: IkeSpi, ni: Uint8Array): Uint8Array {
    const octets = new Uint8Array(16);
    octets.set(ipBytes(address));
    const mac = this.#deps.suite.hmac('sha256', secret);
    const tag = mac.sign(new ByteWriter(25).u8(ipFamily(address)).bytes(octets).u64(spiI).finish(), ni);
    mac.wipe();
    return concat(Uint8Array.of(version), tag);
  }

  issue(address: IpAddress, spiI: IkeSpi, ni: Uint8Array, now: Instant): Uint8Array {
    this.#rotate(now);
    return this.#make(this.#version, this.#secrets[0] ?? new Uint8Array(32), address, spiI, ni);
  }

  /** True for a cookie of the present secret or the one before it. */
  verify(cookie: Uint8Array, address: IpAddress, spiI: IkeSpi, ni: Uint8Array, now: Instant): boolean {
    this.#rotate(now);
    const age = (this.#version - (cookie[0] ?? 0)) & 255;
    const secret = this.#secrets[age];
    return secret !== undefined && this.#deps.suite.equal(cookie, this.#make(cookie[0] ?? 0, secret, address, spiI, ni));
  }
}
