import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { concat, instant, type Instant } from '../../base/index.ts';
import type { Input, Port, UbusEffect } from '../../ports/index.ts';
import { UbusClient, type ClientOutput } from './ubus-client.ts';

/** Pause between tries to connect, in ms; the first try after a loss is made at once, as netifd does. */
const RECONNECT_INTERVAL = 2000;
/** Unsent octets at which ubusd counts as hung: it reads every client's requests at once, or not at all. */
const MAX_UNSENT = 4 << 20;

/**
 * The ubus port over a unix socket. It reads as fast as the kernel gives, since ubusd silently drops what a slow reader
 * does not take; everything of the protocol is in `UbusClient`.
 */
export function createUbusPort(now: () => Instant = () => instant(performance.now())): Port<UbusEffect> {
  const client = new UbusClient();
  let path: string | undefined;
  let socket: Socket | undefined;
  let deliver: (input: Input) => void = () => undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let armed: Instant | undefined;
  let lastTry = -Infinity;
  let pending: Input[] = [];
  let delivering = false;
  let ended = false;

  const apply = (output: ClientOutput): void => {
    const open = socket;
    if (open !== undefined && !open.destroyed && output.frames.length > 0) {
      open.write(concat(...output.frames));
      if (open.writableLength > MAX_UNSENT) open.destroy();
    }
    if (output.close !== undefined) open?.destroy();
    pending.push(...output.inputs);
    arm();
    if (delivering) return; // an effect performed while we deliver: the outer call goes on with the rest
    delivering = true;
    try {
      for (let next = pending.shift(); next !== undefined; next = pending.shift()) deliver(next);
    } finally {
      delivering = false;
    }
  };

  const arm = (): void => {
    const at = ended ? undefined : client.deadline;
    if (at === armed && (timer !== undefined || at === undefined)) return;
    clearTimeout(timer);
    armed = at;
    timer = at === undefined ? undefined : setTimeout(() => {
      timer = undefined;
      apply(client.tick(now()));
    }, Math.max(0, Math.ceil(at - now())));
  };

  const open = (): void => {
    retry = undefined;
    if (ended || path === undefined) return;
    lastTry = now();
    const fresh = connect({ path });
    socket = fresh;
    fresh.on('connect', () => apply(client.opened(now())));
    fresh.on('data', (chunk) => {
      if (fresh === socket) apply(client.feed(chunk, now()));
    });
    fresh.on('error', () => undefined); // 'close' follows
    fresh.on('close', () => {
      if (ended || fresh !== socket) return;
      socket = undefined;
      // At once when this connection held for a while; else a ubusd that refuses us would be asked without end.
      retry = setTimeout(open, now() - lastTry >= RECONNECT_INTERVAL ? 0 : RECONNECT_INTERVAL);
      apply(client.closed());
    });
  };

  return {
    perform(effect, to) {
      deliver = to;
      if (effect.type !== 'ubus.open') {
        apply(client.perform(effect, now()));
        return;
      }
      if (path === effect.socket) return;
      path = effect.socket;
      clearTimeout(retry);
      const old = socket;
      socket = undefined;
      old?.destroy();
      if (old !== undefined) apply(client.closed());
      open();
    },
    close() {
      ended = true;
      clearTimeout(retry);
      clearTimeout(timer);
      pending = [];
      socket?.destroy();
      socket = undefined;
    },
  };
}
