/**
 * test/lab: real kernels' namespaces, a small Internet between them, and streams to measure what a tunnel does. It
 * needs iproute2, util-linux, a C compiler and /dev/net/tun; root or user namespaces. Nothing outlives the process.
 */
export * from './namespaces.ts';
export * from './relay.ts';
export * from './stream.ts';
export * from './tools.ts';
export * from './topology.ts';
