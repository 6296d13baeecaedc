/**
 * test/sim: the world in which two engines meet. A virtual clock, links with every kind of trouble, NATs and
 * stateful firewalls, hosts with a fake kernel and a userspace ESP plane, a model of an MQTT broker, streams of inner packets, and invariants that hold
 * at every step. It uses nothing of Node, so that a scenario also runs inside QuickJS; crypto is passed in.
 */
export * from './device.ts';
export * from './event-queue.ts';
export * from './firewall.ts';
export * from './host.ts';
export * from './invariants.ts';
export * from './kernel.ts';
export * from './message-broker.ts';
export * from './nat.ts';
export * from './net.ts';
export * from './packet.ts';
export * from './prng.ts';
export * from './probes.ts';
export * from './reliable.ts';
export * from './stream.ts';
export * from './world.ts';
