/**
 * adapters/node: the ports on Node: translate and deliver, nothing else. Sockets that need a device, a mark or packet info, TUN, the ESP
 * plane and (on musl) netlink come from the addon in `../native`; the rest is Node's own. No adapter decides anything.
 */
export { createControlPort, type ControlPort } from './control.ts';
export { nodeCrypto, nodeEntropy } from './crypto.ts';
export { createEspPort } from './esp.ts';
export { createLogPort } from './log.ts';
export { createMqttPort } from './mqtt.ts';
export { loadNative, NativeHost } from './native.ts';
export { createKernelPort } from './netlink.ts';
export { pickNetlink } from './netlink-pick.ts';
export { nodePki } from './pki.ts';
export { createProbePort, nativeEcho } from './probes.ts';
export { createResolverPort } from './resolver.ts';
export { createStorePort } from './store.ts';
export { connectTcp } from './tcp.ts';
export { createUbusPort } from './ubus.ts';
export { createUdpPort } from './udp.ts';
