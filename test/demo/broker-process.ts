/** The demo's broker in its namespace, and a subscriber of everything, an ordinary MQTT client: one JSON line per message. */
import mqtt from 'mqtt';
import { Broker } from '../sim/broker.ts';

const [host = '127.0.0.1', port = '1883', filter = '#'] = process.argv.slice(2);
const broker = await Broker.listen({ host, port: Number(port) });
const subscriber = mqtt.connect(`mqtt://${host}:${broker.port}`, { protocolVersion: 5, clientId: 'demo-subscriber', reconnectPeriod: 0 });
subscriber.on('message', (topic, payload) => {
  process.stdout.write(`${JSON.stringify({ at: Number(process.hrtime.bigint()) / 1e6, topic, payload: payload.toString() })}\n`);
});
subscriber.on('error', (error) => process.stderr.write(`subscriber: ${error.message}\n`));
await subscriber.subscribeAsync(filter, { qos: 1 });
process.stdout.write('ready\n');
process.on('SIGTERM', () => process.exit(0));
