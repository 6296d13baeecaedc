/**
 * report: what leaves the daemon about itself: events, status documents, and when they are published over MQTT.
 */
export * from './events.ts';
