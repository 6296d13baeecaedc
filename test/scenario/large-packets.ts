import assert from 'node:assert/strict';
import { millis, type IpAddress } from '../../src/base/index.ts';
import { buildInner, CLEAR_MARK } from '../sim/index.ts';
import { SCENE, type DaemonHost, type Scene } from '../sim/scene.ts';

const UDP = 17;
const ICMP = 1;

/** A host that sends datagrams as large as it may, as TCP does: from 1400 octets on, smaller as soon as it is told. */
export class Sender {
  size = 1400;
  sent = 0;
  arrived: number[] = [];
  /** MTUs it was told by ICMP. */
  told: number[] = [];
  readonly #stage: Scene;
  readonly #from: DaemonHost;
  readonly #source: IpAddress;
  readonly #destination: IpAddress;

  constructor(stage: Scene, from: 'router' | 'hub') {
    this.#stage = stage;
    this.#from = stage[from];
    [this.#source, this.#destination] = from === 'router' ? [SCENE.client, SCENE.server] : [SCENE.server, SCENE.client];
    const other = from === 'router' ? stage.hub : stage.router;
    other.listenInner(UDP, { address: this.#destination, port: 6100 }, (packet) => this.arrived.push(packet.payload.length + 28));
    this.#from.listenInner(ICMP, { address: this.#source, port: 0 }, ({ payload }) => {
      assert.deepEqual([payload[0], payload[1]], [3, 4], 'fragmentation needed');
      const mtu = ((payload[6] ?? 0) << 8) | (payload[7] ?? 0);
      this.told.push(mtu);
      this.size = Math.min(this.size, mtu);
    });
  }

  /** One packet every 50 ms. */
  run(count: number): void {
    for (let i = 0; i < count; i++) {
      const payload = new Uint8Array(this.size - 28);
      payload.set(CLEAR_MARK);
      this.sent++;
      this.#from.fromInside(buildInner({ protocol: UDP, source: { address: this.#source, port: 6100 }, destination: { address: this.#destination, port: 6100 }, payload }));
      this.#stage.world.runFor(millis(50));
    }
  }
}
