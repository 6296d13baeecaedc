/**
 * codec/http: the little of HTTP/1.1 (RFC 9112) that a probe for captive portals needs: one GET, and the head of what comes back. Total: no
 * input makes it throw or run long, and it keeps no state. Bodies, chunks, later requests on a connection and TLS are nobody's business here.
 */
export { MOST_HEAD, decodeHead, encodeGet, pageOf } from './message.ts';
export type { HttpHead, Page } from './message.ts';
