/** netifd and ubusd of a simulated router, as the port tells of them: what is said is what the story says. */
import type { Input, UbusEffect } from '../../src/ports/index.ts';
import type { JsonObject } from '../../src/base/index.ts';
import type { SimHost, SimUbus } from '../sim/index.ts';
import { statusJson, type SimInterface } from '../sim/netifd.ts';

const CALL_TIME = 2;
const NOT_FOUND = 4;

export class SimNetifd {
  readonly interfaces: { [name: string]: SimInterface } = {};
  readonly devices: { [name: string]: { up: boolean; carrier: boolean } } = {};
  /** What the daemon answered to calls of its object. */
  readonly replies: { readonly callId: number; readonly status: number; readonly data: JsonObject | undefined }[] = [];
  calls = 0;
  #host: SimHost | undefined;
  #deliver: ((input: Input) => void) | undefined;
  #running = true;

  /** The `ubus` option of a host. */
  readonly attach = (host: SimHost, deliver: (input: Input) => void): SimUbus => {
    this.#host = host;
    this.#deliver = deliver;
    return {
      perform: (effect) => this.#perform(effect, deliver),
      close: () => {
        this.#deliver = undefined;
      },
    };
  };

  /** An interface changes and netifd says so. */
  say(name: string, it: SimInterface, method = 'interface.update'): void {
    this.interfaces[name] = it;
    this.#deliver?.({ type: 'ubus.notified', target: 'network.interface', method, data: { interface: name, ...statusJson(it) } });
  }

  event(name: string, data: JsonObject): void {
    this.#deliver?.({ type: 'ubus.event', name, data });
  }

  /** `network.device` tells of a device. */
  sayDevice(name: string, method: 'link_up' | 'link_down'): void {
    this.devices[name] = { up: true, carrier: method === 'link_up' };
    this.#deliver?.({ type: 'ubus.notified', target: 'network.device', method, data: { name, present: true, active: true, link_active: method === 'link_up', auth_status: false } });
  }

  /** netifd is killed: its objects vanish. */
  kill(): void {
    this.#running = false;
    for (const target of ['network.interface', 'network.device']) {
      this.event('ubus.object.remove', { id: 1, path: target });
      this.#deliver?.({ type: 'ubus.unsubscribed', target });
    }
  }

  /** netifd is there again; its interfaces come up one after the other. */
  revive(): void {
    this.#running = true;
    for (const path of ['network.device', 'network.interface']) this.event('ubus.object.add', { id: 2, path });
  }

  /** ubusd is killed and, after a while, back. */
  restartUbusd(after: number): void {
    this.#deliver?.({ type: 'ubus.closed' });
    this.#host?.world.after(after, () => this.#deliver?.({ type: 'ubus.connected' }));
  }

  call(callId: number, method: string, args: JsonObject = {}): void {
    this.#deliver?.({ type: 'ubus.called', callId, method, args });
  }

  #perform(effect: UbusEffect, deliver: (input: Input) => void): void {
    const later = (input: Input): void => this.#host?.world.after(CALL_TIME, () => deliver(input));
    switch (effect.type) {
      case 'ubus.open':
        return later({ type: 'ubus.connected' });
      case 'ubus.listen':
        return later({ type: 'ubus.answered', opId: effect.opId, status: 0, data: undefined });
      case 'ubus.subscribe':
        return later({ type: 'ubus.answered', opId: effect.opId, status: this.#running ? 0 : NOT_FOUND, data: undefined });
      case 'ubus.call': {
        this.calls++;
        const data: JsonObject = effect.method === 'dump'
          ? { interface: Object.entries(this.interfaces).map(([name, it]) => ({ interface: name, ...statusJson(it) })) }
          : Object.fromEntries(Object.entries(this.devices).map(([name, device]) => [name, { present: true, auth_status: false, ...device }]));
        return later({ type: 'ubus.answered', opId: effect.opId, status: this.#running ? 0 : NOT_FOUND, data: this.#running ? data : undefined });
      }
      case 'ubus.publish':
        return;
      case 'ubus.reply':
        this.replies.push({ callId: effect.callId, status: effect.status, data: effect.data });
    }
  }
}
