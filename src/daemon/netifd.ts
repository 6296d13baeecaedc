import { after, Backoff, instant, millis, seconds, TimerTable, type DeviceStatus, type Instant, type InterfaceStatus, type JsonObject, type Millis } from '../base/index.ts';
import { decodeDeviceStatus, decodeDevices, decodeDump, decodeInterfaceStatus, UBUS_STATUS } from '../codec/ubus/index.ts';
import type { Effect, UbusInput } from '../ports/index.ts';

/** Time-out of a dump; netifd answers within a few ms unless it hangs. */
const DUMP_TIMEOUT: Millis = seconds(5);
/** Two dumps of one kind are never closer than this, whatever netifd says: 250 notifications a second cost one dump. */
const DUMP_INTERVAL: Millis = seconds(1);
/** Notifications are followed by a dump after this time: ubusd drops messages for a slow reader without a word. */
const BURST_SETTLE: Millis = seconds(1);
/** netifd that comes back publishes its objects before it has set up the interfaces again (14 ms in the recording). */
const RETURN_SETTLE: Millis = millis(300);
/** netifd is silent about a changed metric; a dump now and then finds it. */
const DUMP_PERIOD: Millis = seconds(30);
/** Interfaces and devices kept; more are ignored. */
const MAX_KEPT = 256;

const TARGETS = ['network.interface', 'network.device'] as const;
type Target = (typeof TARGETS)[number];
const PATTERNS = ['ubus.object.*', 'network.interface'] as const;
type Pattern = (typeof PATTERNS)[number];

type TimerName = `subscribe ${Target}` | `listen ${Pattern}` | `dump ${Target}`;

/** First, growth and bound of the pause between tries to subscribe, listen or dump. */
const RETRY = { first: millis(250), factor: 2, most: seconds(15), jitter: 0 };

/** The dump of each target: method and whose answer it is. */
const DUMP: { readonly [T in Target]: string } = { 'network.interface': 'dump', 'network.device': 'status' };

function sameStatus(a: InterfaceStatus | undefined, b: InterfaceStatus): boolean {
  if (a === undefined || a.up !== b.up || a.pending !== b.pending || a.available !== b.available || a.device !== b.device) return false;
  if (a.l3Device !== b.l3Device || a.metric !== b.metric || a.addresses.length !== b.addresses.length) return false;
  if (a.dhcpServer !== b.dhcpServer || (a.timeServers ?? []).join() !== (b.timeServers ?? []).join()) return false;
  if (a.defaultRoutes.length !== b.defaultRoutes.length || a.dnsServers.length !== b.dnsServers.length) return false;
  return (
    a.addresses.every((entry, i) => entry.address === b.addresses[i]?.address && entry.length === b.addresses[i]?.length) &&
    a.defaultRoutes.every((route, i) => route.family === b.defaultRoutes[i]?.family && route.gateway === b.defaultRoutes[i]?.gateway) &&
    a.dnsServers.every((server, i) => server === b.dnsServers[i])
  );
}

const sameDevice = (a: DeviceStatus | undefined, b: DeviceStatus): boolean =>
  a !== undefined && a.present === b.present && a.active === b.active && a.linkActive === b.linkActive;

/**
 * What netifd says of interfaces and devices, kept up to date. Pure; the ubus port does the talking.
 *
 *     disconnected --ubus.connected--> subscribing --subscribed--> dumping --dump--> fresh
 *     fresh --ubus.closed--> disconnected       (stale: the last state is kept)
 *     fresh --UNSUBSCRIBE, object gone--> subscribing (stale: netifd died or restarts)
 *
 * - Notifications and events act at once: `interface.*` carries the whole status (`up` is read, the method's name is not
 *   believed), the event `ifdown` takes the interface down, `network.device` carries presence, activity and carrier.
 * - Every word of netifd is followed by one dump of its kind, at most one a second; the dump is the truth: what it does not
 *   list is gone. An object that vanishes proves nothing by itself, since the objects of a killed netifd vanish while
 *   its interfaces stay up in the kernel.
 * - While `stale`, the kernel's facts rule and nothing here means "down".
 * - A status of a down interface lacks the metric; the last known one is kept, so that the order of uplinks is steady.
 */
export class NetifdFollower {
  readonly #nextOpId: () => number;
  readonly #timers = new TimerTable<TimerName>();
  readonly #backoff = new Map<TimerName, Backoff>();
  /** Operations under way by opId; at most one for each timer name. */
  readonly #pending = new Map<number, TimerName>();
  /** Something happened while the dump was under way: it may be older than that. */
  readonly #again = new Set<Target>();
  readonly #lastDump = new Map<Target, Instant>();
  #interfaces = new Map<string, InterfaceStatus>();
  /** netifd, or the ubus object, went while we were connected, and has not been seen since. */
  readonly #gone = new Set<Target>();
  /** A dump before this would show a netifd that is still starting. */
  readonly #notBefore = new Map<Target, Instant>();
  #devices = new Map<string, DeviceStatus>();
  #connected = false;
  readonly #staleKinds = new Set<Target>(TARGETS);

  /** @param nextOpId gives numbers no one else uses as `opId` */
  constructor(nextOpId: () => number) {
    this.#nextOpId = nextOpId;
  }

  get interfaces(): ReadonlyMap<string, InterfaceStatus> {
    return this.#interfaces;
  }

  get devices(): ReadonlyMap<string, DeviceStatus> {
    return this.#devices;
  }

  /** There is a connection to ubusd; netifd may be away all the same. */
  get connected(): boolean {
    return this.#connected;
  }

  /** No dump of the interfaces since netifd or the connection to it was lost, or ever. */
  get stale(): boolean {
    return this.#staleKinds.has('network.interface');
  }

  get deadline(): Instant | undefined {
    return this.#timers.next();
  }

  /** Asks for a dump of the interfaces soon: the kernel shows a change that netifd does not tell (metric, address, route). */
  refresh(now: Instant): void {
    if (this.#connected) this.#wantDump('network.interface', now, millis(0));
  }

  /** `changed`: interfaces, devices, `connected` or `stale` differ from before. Foreign `opId`s are ignored. */
  handle(input: UbusInput | { readonly type: 'tick' }, now: Instant): { effects: Effect[]; changed: boolean } {
    const changed = this.#take(input, now);
    return { effects: this.#timers.takeDue(now).flatMap((name) => this.#start(name)), changed };
  }

  #take(input: UbusInput | { readonly type: 'tick' }, now: Instant): boolean {
    switch (input.type) {
      case 'ubus.connected':
        this.#forget();
        this.#connected = true;
        for (const target of TARGETS) this.#timers.set(`subscribe ${target}`, now);
        for (const pattern of PATTERNS) this.#timers.set(`listen ${pattern}`, now);
        return true;
      case 'ubus.closed': {
        const changed = this.#connected;
        this.#forget();
        return changed;
      }
      case 'ubus.answered':
        return this.#answered(input.opId, input.status, input.data, now);
      case 'ubus.notified':
        return this.#notified(input.target, input.method, input.data, now);
      case 'ubus.unsubscribed':
        return this.#targetGone(input.target, now);
      case 'ubus.event':
        return this.#event(input.name, input.data, now);
      case 'ubus.called':
      case 'tick':
        return false;
    }
  }

  /** Drops what belongs to one connection; what is known stays, as stale. */
  #forget(): void {
    this.#connected = false;
    for (const target of TARGETS) this.#staleKinds.add(target);
    this.#timers.clearAll();
    this.#pending.clear();
    this.#again.clear();
    this.#gone.clear();
    this.#backoff.clear();
  }

  // ---- Asking --------------------------------------------------------------------------------------------------------

  #start(name: TimerName): Effect[] {
    if (this.#underWay(name)) return [];
    const opId = this.#nextOpId();
    this.#pending.set(opId, name);
    for (const target of TARGETS) {
      if (name === `subscribe ${target}`) return [{ type: 'ubus.subscribe', opId, target }];
      if (name === `dump ${target}`) return [{ type: 'ubus.call', opId, object: target, method: DUMP[target], args: {}, timeout: DUMP_TIMEOUT }];
    }
    return PATTERNS.filter((pattern) => name === `listen ${pattern}`).map((pattern) => ({ type: 'ubus.listen', opId, pattern }));
  }

  #underWay(name: TimerName): boolean {
    for (const pending of this.#pending.values()) if (pending === name) return true;
    return false;
  }

  #wantDump(target: Target, now: Instant, delay: Millis): void {
    if (this.#gone.has(target)) return;
    if (this.#underWay(`dump ${target}`)) {
      this.#again.add(target);
      return;
    }
    const last = this.#lastDump.get(target);
    const soonest = last === undefined ? now : after(last, DUMP_INTERVAL);
    this.#timers.setIfEarlier(`dump ${target}`, instant(Math.max(after(now, delay), soonest, this.#notBefore.get(target) ?? now)));
  }

  /** A target that had gone is there again, with a netifd behind it that may still be starting. */
  #isBack(target: Target, now: Instant): void {
    if (this.#gone.delete(target)) this.#notBefore.set(target, after(now, RETURN_SETTLE));
  }

  #retry(name: TimerName, now: Instant): void {
    const backoff = this.#backoff.get(name) ?? new Backoff(RETRY);
    this.#backoff.set(name, backoff);
    this.#timers.setIfEarlier(name, after(now, backoff.next(0.5)));
  }

  #answered(opId: number, status: number, data: JsonObject | undefined, now: Instant): boolean {
    const name = this.#pending.get(opId);
    if (name === undefined) return false;
    this.#pending.delete(opId);
    for (const target of TARGETS) {
      if (name === `subscribe ${target}`) {
        if (status === UBUS_STATUS.OK) this.#backoff.delete(name);
        else this.#retry(name, now);
        if (status === UBUS_STATUS.OK) this.#isBack(target, now);
        this.#wantDump(target, now, millis(0)); // whatever the answer: without the right to subscribe dumps are all we get
        return false;
      }
      if (name === `dump ${target}`) return this.#dumped(target, status, data, now);
    }
    if (status === UBUS_STATUS.OK) this.#backoff.delete(name);
    else this.#retry(name, now);
    return false;
  }

  #dumped(target: Target, status: number, data: JsonObject | undefined, now: Instant): boolean {
    this.#lastDump.set(target, now);
    const again = this.#again.delete(target);
    if (this.#gone.has(target)) return false; // said by a netifd that is no more
    const changed = status !== UBUS_STATUS.OK ? undefined : target === 'network.interface' ? this.#takeInterfaces(data) : this.#takeDevices(data);
    if (changed === undefined) {
      this.#retry(`dump ${target}`, now);
      return false;
    }
    this.#backoff.delete(`dump ${target}`);
    const wasStale = this.#staleKinds.delete(target);
    this.#wantDump(target, now, again ? BURST_SETTLE : DUMP_PERIOD);
    return changed || wasStale;
  }

  /** Undefined: not an answer to believe. */
  #takeInterfaces(data: JsonObject | undefined): boolean | undefined {
    const all = decodeDump(data);
    // netifd always has its loopback: an empty list is a netifd that has not read its configuration yet.
    if (all === undefined || (all.length === 0 && this.#interfaces.size > 0)) return undefined;
    const before = this.#interfaces;
    this.#interfaces = new Map();
    let changed = all.length !== before.size;
    for (const status of all) {
      const kept = withMetric(status, before.get(status.interface));
      this.#interfaces.set(status.interface, kept);
      if (!sameStatus(before.get(status.interface), kept)) changed = true;
    }
    return changed;
  }

  #takeDevices(data: JsonObject | undefined): boolean | undefined {
    const all = decodeDevices(data);
    if (all === undefined) return undefined;
    const changed = all.length !== this.#devices.size || all.some((device) => !sameDevice(this.#devices.get(device.name), device));
    this.#devices = new Map(all.map((device) => [device.name, device]));
    return changed;
  }

  // ---- Told ----------------------------------------------------------------------------------------------------------

  #notified(target: string, method: string, data: JsonObject, now: Instant): boolean {
    if (target === 'network.interface') {
      this.#wantDump(target, now, BURST_SETTLE);
      const status = method.startsWith('interface.') ? decodeInterfaceStatus(data) : undefined;
      return status !== undefined && this.#setInterface(status);
    }
    if (target !== 'network.device') return false;
    this.#wantDump(target, now, BURST_SETTLE);
    const device = decodeDeviceStatus(data);
    if (device === undefined || sameDevice(this.#devices.get(device.name), device)) return false;
    if (!this.#devices.has(device.name) && this.#devices.size >= MAX_KEPT) return false;
    this.#devices.set(device.name, device);
    return true;
  }

  #setInterface(status: InterfaceStatus): boolean {
    const before = this.#interfaces.get(status.interface);
    const next = withMetric(status, before);
    if (sameStatus(before, next) || (before === undefined && this.#interfaces.size >= MAX_KEPT)) return false;
    this.#interfaces.set(status.interface, next);
    return true;
  }

  #event(name: string, data: JsonObject, now: Instant): boolean {
    const { action, interface: interfaceName, path } = data;
    if (name === 'network.interface' && typeof interfaceName === 'string') {
      // ifup brings no addresses; the notification after it does, or else this dump.
      this.#wantDump('network.interface', now, action === 'ifup' ? millis(0) : BURST_SETTLE);
      const before = this.#interfaces.get(interfaceName);
      if (action !== 'ifdown' || before === undefined || !before.up) return false;
      const { interface: same, pending, available, device, metric } = before;
      return this.#setInterface({ interface: same, up: false, pending, available, device, l3Device: undefined, metric, addresses: [], defaultRoutes: [], dnsServers: [] });
    }
    if (typeof path !== 'string') return false;
    const target = TARGETS.find((each) => each === path);
    if (name === 'ubus.object.remove') return target === undefined ? this.#interfaceObject(path, now) : this.#targetGone(target, now);
    if (name !== 'ubus.object.add') return false;
    if (target === undefined) return this.#interfaceObject(path, now);
    this.#backoff.delete(`subscribe ${target}`);
    this.#backoff.delete(`dump ${target}`);
    this.#timers.set(`subscribe ${target}`, now);
    this.#gone.add(target);
    this.#isBack(target, now);
    this.#timers.clear(`dump ${target}`);
    this.#wantDump(target, now, millis(0));
    return false;
  }

  /** An interface's own object came or went: only a dump can say what that means. */
  #interfaceObject(path: string, now: Instant): boolean {
    if (path.startsWith('network.interface.')) this.#wantDump('network.interface', now, BURST_SETTLE);
    return false;
  }

  #targetGone(path: string, now: Instant): boolean {
    const target = TARGETS.find((each) => each === path);
    if (target === undefined) return false;
    const changed = !this.#staleKinds.has(target) && target === 'network.interface';
    this.#staleKinds.add(target);
    this.#gone.add(target);
    this.#timers.clear(`dump ${target}`);
    this.#retry(`subscribe ${target}`, now);
    return changed;
  }
}

function withMetric(status: InterfaceStatus, before: InterfaceStatus | undefined): InterfaceStatus {
  return status.up || status.metric !== 0 || before === undefined ? status : { ...status, metric: before.metric };
}
