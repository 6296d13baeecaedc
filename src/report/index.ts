/**
 * report: what leaves the daemon about itself: events, their sentences, status documents, and when they are published
 * over MQTT. It decides nothing about tunnels, does no I/O, and never says a secret.
 *
 * The model. An `EventLog` stamps every event once: boot id, sequence number from 1, both clocks. `topics.ts` is the
 * one table of what leaves: event or document -> topic, payload, retention, quality of service.
 *
 * Each `config mqtt` section has one `MqttReporter`. The daemon tells it events, documents, and the route on which the
 * broker is reached; it answers with effects.
 * - A route through an uplink is part of the connection: when it changes, the connection is closed at once, without
 *   waiting for TCP, and made anew over the new path without back-off. Through the tunnel it is kept.
 * - After every CONNACK: `online`, then the events that wait, in order, at most `WINDOW` unacknowledged, then documents.
 * - An event leaves the queue when the broker acknowledged it (or refused it: it is logged and given up, since the
 *   broker would refuse it again). One that was in flight when the connection ended is sent again under its old stamp,
 *   so that a consumer tells by (boot_id, seq) that it has seen it.
 * - The queue has a bound; the oldest event that was never sent goes first, and `events.dropped` stands in its place.
 * - Documents are retained and go when a settled value changed (one second later, so that a burst is one message), and
 *   at every interval when anything changed. What a new connection finds retained is not trusted: all go again.
 * - `availability` is also the Last Will. With MQTT 5 the will waits longer than a failover takes.
 * - A broker that fails costs one attempt in a back-off of 1 s to 5 min, and nothing waits for it.
 */
export * from './events.ts';
export type { Documents } from './document-shelf.ts';
export { EVENT_RING, EventLog } from './event-log.ts';
export type { Stamp } from './event-log.ts';
export { isoTime } from './iso-time.ts';
export { MqttReporter, WILL_DELAY, WINDOW } from './reporter.ts';
export type { ReportCommand, ReportRoute, ReporterInput, ReporterSetup } from './reporter.ts';
export { eventText, spanText } from './text.ts';
export { DOCUMENTS, EVENTS, availabilityMessage, documentMessage, eventLevel, eventMessage, topicBase, topicPart } from './topics.ts';
export type { EventOf, EventRow } from './topics.ts';
