import { jetstream, type JetStreamClient, type PubAck } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { v7 as uuid } from "uuid";

const subjects = {
  "payment.success": "payments.success",
  "payment.failed": "payments.failed",
  "appointment.created": "appointments.created",
  "appointment.payment.confirmed": "appointments.payment.confirmed",
  "appointment.cancelled": "appointments.cancelled",
  "appointment.rescheduled": "appointments.rescheduled",
  "appointment.completed": "appointments.completed",
  "message.sent": "messages.sent",
  "cohort.enrollment.created": "cohorts.enrollment.created",
  "cohort.message.created": "cohorts.message.created",
  "ticket.created": "tickets.created",
  "ticket.status_changed": "tickets.status_changed",
  "ticket.reply_added": "tickets.reply_added",
  "error.occurred": "errors.occurred",
} as const;

export type EventType = keyof typeof subjects;

export interface DomainEvent {
  type: EventType;
  event_id: string;
  sent_at: string;
  payload: object;
}

export function newEvent(type: EventType, payload: object, id: string = uuid()): DomainEvent {
  return { type, event_id: id, sent_at: new Date().toISOString(), payload };
}

// On globalThis: Next.js loads a module again when it changes, and may load it
// several times in one process.
const shared = globalThis as typeof globalThis & { eventStream?: Promise<JetStreamClient> };

function forget(): void {
  delete shared.eventStream;
}

async function open(): Promise<JetStreamClient> {
  const nc = await connect({
    servers: (process.env.NATS_URL ?? "127.0.0.1:4222").split(","),
    timeout: 5_000,
    maxReconnectAttempts: -1, // by default it gives up after ten, for good
  });
  void nc.closed().then(forget);
  return jetstream(nc);
}

export async function publish(event: DomainEvent): Promise<PubAck> {
  shared.eventStream ??= open();
  shared.eventStream.catch(forget); // the next call connects again
  const js = await shared.eventStream;
  return js.publish(subjects[event.type], JSON.stringify(event), {
    msgID: event.event_id, // stored once, however often it is published
    timeout: 2_000, // for each of the three tries
    retries: 3,
  });
}
