import type { Json, JsonObject } from '../../src/base/index.ts';
import { UBUS_MESSAGE, UBUS_STATUS, type UbusAttrs } from '../../src/codec/ubus/index.ts';
import { UbusPeer } from './ubus-peer.ts';

/** A route as netifd says it; `source` as its protocol sets it. */
export interface SimRoute {
  readonly target: string;
  readonly mask: number;
  readonly nexthop: string;
  readonly source: string;
}

/** What the stand-in is told of an interface; what is left out has the value a plain static interface has. */
export interface SimInterface {
  readonly up: boolean;
  readonly pending?: boolean;
  readonly available?: boolean;
  readonly autostart?: boolean;
  readonly dynamic?: boolean;
  readonly proto?: string;
  readonly device?: string;
  /** Defaults to `device`. */
  readonly l3Device?: string;
  readonly metric?: number;
  readonly uptime?: number;
  readonly updated?: readonly string[];
  /** `ADDRESS/LENGTH`, both families. */
  readonly addresses?: readonly string[];
  readonly routes?: readonly SimRoute[];
  /** Routes kept back (option defaultroute 0). */
  readonly inactiveRoutes?: readonly SimRoute[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly prefixes?: readonly Json[];
  readonly prefixAssignments?: readonly Json[];
  readonly data?: JsonObject;
  readonly errors?: readonly Json[];
}

export interface SimDevice {
  readonly present: boolean;
  readonly active: boolean;
  readonly linkActive: boolean;
}

/** A default route through a gateway, as the static protocol says it. */
export function defaultVia(gateway: string, source?: string): SimRoute {
  const any = gateway.includes(':') ? '::' : '0.0.0.0';
  return { target: any, mask: 0, nexthop: gateway, source: source ?? `${any}/0` };
}

const DEVICE_ARGS = { name: 3, 'link-ext': 7, vlan: 1 };
const INTERFACE_SIGNATURE: JsonObject = {
  up: {}, down: {}, renew: {}, restart: {}, status: {}, prepare: {}, dump: {}, add_device: DEVICE_ARGS, remove_device: DEVICE_ARGS, notify_proto: {}, remove: {}, set_data: {},
};
const DEVICE_SIGNATURE: JsonObject = {
  status: { name: 3 }, set_alias: { alias: 1, device: 3 }, set_state: { name: 3, defer: 7, auth_status: 7, auth_vlans: 1 }, stp_init: {},
};
const NETWORK_SIGNATURE: JsonObject = {
  restart: {}, reload: {}, add_host_route: { target: 3, v6: 7, interface: 3, exclude: 7 }, get_proto_handlers: {}, add_dynamic: { name: 3 }, netns_updown: { jail: 3, start: 7 },
};

const addressEntries = (all: readonly string[], v6: boolean): JsonObject[] =>
  all.filter((text) => text.includes(':') === v6).map((text) => {
    const [address = '', mask = '0'] = text.split('/');
    return { address, mask: Number(mask) };
  });

const routeEntry = (route: SimRoute): JsonObject => ({ target: route.target, mask: route.mask, nexthop: route.nexthop, source: route.source });

/** The status JSON of an interface, keys and order as netifd's. */
export function statusJson(it: SimInterface): JsonObject {
  const head = { up: it.up, pending: it.pending ?? false, available: it.available ?? true, autostart: it.autostart ?? true, dynamic: it.dynamic ?? false };
  const device = it.device === undefined ? {} : { device: it.device };
  const tail: JsonObject = { data: it.data ?? {}, ...(it.errors === undefined ? {} : { errors: it.errors }) };
  if (!it.up) return { ...head, proto: it.proto ?? 'static', ...device, ...tail };
  const all = it.addresses ?? [];
  return {
    ...head,
    uptime: it.uptime ?? 0,
    ...(it.l3Device === undefined && it.device === undefined ? {} : { l3_device: it.l3Device ?? it.device ?? '' }),
    proto: it.proto ?? 'static',
    ...device,
    ...(it.updated === undefined ? {} : { updated: it.updated }),
    metric: it.metric ?? 0,
    dns_metric: 0,
    delegation: true,
    'ipv4-address': addressEntries(all, false),
    'ipv6-address': addressEntries(all, true),
    'ipv6-prefix': it.prefixes ?? [],
    'ipv6-prefix-assignment': it.prefixAssignments ?? [],
    route: (it.routes ?? []).map(routeEntry),
    'dns-server': it.dns ?? [],
    'dns-search': it.dnsSearch ?? [],
    neighbors: [],
    inactive: { 'ipv4-address': [], 'ipv6-address': [], route: (it.inactiveRoutes ?? []).map(routeEntry), 'dns-server': [], 'dns-search': [], neighbors: [] },
    ...tail,
  };
}

/** Entry of `network.device status`: the keys that do not come from ethtool or sysfs. */
const deviceJson = (it: SimDevice): JsonObject => ({ external: false, present: it.present, type: 'Network device', up: it.active, carrier: it.linkActive, auth_status: false });

/**
 * netifd in miniature: an ordinary ubus client with the objects `network`, `network.device`, `network.interface` and one per
 * interface. It looks at no kernel: it says what it is told, in netifd's words and order. Like netifd it connects again
 * by itself when ubusd goes.
 */
export class NetifdStandIn {
  readonly #interfaces = new Map<string, SimInterface>();
  readonly #devices = new Map<string, SimDevice>();
  readonly #ids = new Map<string, number>();
  #interfaceType: number | undefined;
  #peer: UbusPeer | undefined;
  #path = '';
  #alive = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Pause between tries to connect again, ms; netifd's is 2000. */
  reconnectInterval = 2000;

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  /** Frames sent on the present connection. */
  get sent(): readonly Uint8Array[] {
    return this.#peer?.sent ?? [];
  }

  /** Starts: connects and publishes. Interfaces and devices set before are there from the start, unannounced. */
  async start(path: string): Promise<void> {
    this.#path = path;
    this.#alive = true;
    await this.#connect();
  }

  /** Ends as a killed netifd does: no ifdown, the connection just closes. What was set is forgotten. */
  async kill(): Promise<void> {
    this.#alive = false;
    clearTimeout(this.#retry);
    const peer = this.#peer;
    this.#peer = undefined;
    this.#interfaces.clear();
    this.#devices.clear();
    peer?.close();
    await peer?.closed;
  }

  async #connect(): Promise<void> {
    const peer = await UbusPeer.open(this.#path);
    if (!this.#alive) return peer.close();
    this.#ids.clear();
    this.#interfaceType = undefined;
    peer.serve = (object, method, args) => this.#serve(object, method, args);
    await this.#add(peer, 'network', { signature: NETWORK_SIGNATURE });
    await this.#add(peer, 'network.device', { signature: DEVICE_SIGNATURE });
    await this.#add(peer, 'network.interface', { signature: INTERFACE_SIGNATURE });
    for (const name of this.#interfaces.keys()) await this.#addInterface(peer, name);
    this.#peer = peer;
    void peer.closed.then(() => {
      if (this.#peer === peer) this.#peer = undefined;
      if (this.#alive) this.#reconnect();
    });
  }

  #reconnect(): void {
    this.#connect().catch(() => {
      if (this.#alive) this.#retry = setTimeout(() => this.#reconnect(), this.reconnectInterval);
    });
  }

  async #add(peer: UbusPeer, objPath: string, type: UbusAttrs): Promise<void> {
    const { status, parts } = await peer.request(UBUS_MESSAGE.ADD_OBJECT, { objPath, ...type });
    const id = parts[0]?.objId;
    if (status !== UBUS_STATUS.OK || id === undefined) throw new Error(`${objPath}: status ${status}`);
    this.#ids.set(objPath, id);
    if (objPath === 'network.interface') this.#interfaceType = parts[0]?.objType;
  }

  async #addInterface(peer: UbusPeer, name: string): Promise<void> {
    await this.#add(peer, `network.interface.${name}`, this.#interfaceType === undefined ? {} : { objType: this.#interfaceType });
  }

  #serve(object: number, method: string, args: JsonObject): number | JsonObject {
    const path = [...this.#ids].find(([, id]) => id === object)?.[0] ?? '';
    if (path === 'network') return method === 'reload' ? UBUS_STATUS.OK : UBUS_STATUS.NOT_SUPPORTED;
    if (path === 'network.device') return method === 'status' ? this.#deviceStatus(args['name']) : UBUS_STATUS.METHOD_NOT_FOUND;
    if (!Object.hasOwn(INTERFACE_SIGNATURE, method)) return UBUS_STATUS.METHOD_NOT_FOUND;
    if (path === 'network.interface' && method === 'dump') {
      const names = [...this.#interfaces.keys()].sort();
      return { interface: names.map((name) => ({ interface: name, ...this.#status(name) })) };
    }
    if (method !== 'status') return UBUS_STATUS.NOT_SUPPORTED;
    const name = path === 'network.interface' ? args['interface'] : path.slice('network.interface.'.length);
    if (typeof name !== 'string') return UBUS_STATUS.INVALID_ARGUMENT;
    return this.#interfaces.has(name) ? this.#status(name) : UBUS_STATUS.NOT_FOUND;
  }

  #deviceStatus(name: Json | undefined): number | JsonObject {
    if (typeof name !== 'string') return Object.fromEntries([...this.#devices].sort().map(([each, it]) => [each, deviceJson(it)]));
    const device = this.#devices.get(name);
    return device === undefined ? UBUS_STATUS.INVALID_ARGUMENT : deviceJson(device);
  }

  #status(name: string): JsonObject {
    return statusJson(this.#interfaces.get(name) ?? { up: false });
  }

  #notifyInterface(name: string, method: string): void {
    for (const path of ['network.interface', `network.interface.${name}`]) {
      const id = this.#ids.get(path);
      if (id !== undefined) this.#peer?.notify(id, method, { interface: name, ...this.#status(name) });
    }
  }

  #event(action: 'ifup' | 'ifdown', name: string): void {
    void this.#peer?.sendEvent('network.interface', { action, interface: name });
  }

  /**
   * Says the new state of an interface: up is announced by the event, then both notifications; down the same with
   * `interface.down`; a change while up by the notifications alone. An unknown name is a new interface.
   * @param options `twice`: as an explicit `down` or a reload does; `silent`: netifd has nothing to say of the cause
   */
  async set(name: string, next: SimInterface, options: { readonly twice?: boolean; readonly silent?: boolean } = {}): Promise<void> {
    const before = this.#interfaces.get(name);
    this.#interfaces.set(name, next);
    const peer = this.#peer;
    if (peer === undefined) return;
    if (before === undefined) await this.#addInterface(peer, name);
    if (options.silent === true) return;
    const wasUp = before?.up ?? false;
    if (!wasUp && !next.up) return;
    for (let i = 0; i < (options.twice === true ? 2 : 1); i++) {
      if (wasUp !== next.up) this.#event(next.up ? 'ifup' : 'ifdown', name);
      this.#notifyInterface(name, next.up ? 'interface.update' : 'interface.down');
    }
  }

  /** A protocol handler that fails: `interface.update` with `up:false`, as often as it is called. */
  failProtocol(name: string): void {
    this.#notifyInterface(name, 'interface.update');
  }

  /** The interface is gone from the configuration. */
  async remove(name: string): Promise<void> {
    const before = this.#interfaces.get(name);
    if (before?.up === true) await this.set(name, { ...before, up: false }, { twice: true });
    this.#interfaces.delete(name);
    const id = this.#ids.get(`network.interface.${name}`);
    this.#ids.delete(`network.interface.${name}`);
    if (id !== undefined) await this.#peer?.request(UBUS_MESSAGE.REMOVE_OBJECT, { objId: id });
  }

  /** Says the new state of a device: one notification for each thing that changed, none when nothing did. */
  device(name: string, next: SimDevice): void {
    const before = this.#devices.get(name) ?? { present: false, active: false, linkActive: false };
    this.#devices.set(name, next);
    const id = this.#ids.get('network.device');
    if (id === undefined) return;
    const say = (method: string): void => this.#peer?.notify(id, method, { name, auth_status: false, present: next.present, active: next.active, link_active: next.linkActive });
    if (next.present && !before.present) say('add');
    if (next.active !== before.active) say(next.active ? 'up' : 'down');
    if (next.linkActive !== before.linkActive) say(next.linkActive ? 'link_up' : 'link_down');
    if (!next.present && before.present) say('remove');
  }
}
