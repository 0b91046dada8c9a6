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

/** A new event. Keep it until it is stored: what is published again must be the same event. */
export function newEvent(type: EventType, payload: object, id: string = uuid()): DomainEvent {
  return { type, event_id: id, sent_at: new Date().toISOString(), payload };
}

// On globalThis, because Next.js loads a module again when it changes.
const shared = globalThis as typeof globalThis & { makebridgeClient?: Promise<JetStreamClient> };

function forget(): void {
  delete shared.makebridgeClient;
}

async function dial(): Promise<JetStreamClient> {
  const nc = await connect({
    servers: (process.env.NATS_URL ?? "127.0.0.1:4222").split(","),
    timeout: 5_000,
    maxReconnectAttempts: -1, // by default it closes for good after ten
  });
  void nc.closed().then(forget); // after its credentials were refused, for one
  return jetstream(nc);
}

/** Stores the event, or throws: at once where NATS refuses, else after some six seconds. */
export async function publish(event: DomainEvent): Promise<PubAck> {
  shared.makebridgeClient ??= dial();
  shared.makebridgeClient.catch(forget); // so that the next call dials again
  const js = await shared.makebridgeClient;
  return js.publish(subjects[event.type], JSON.stringify(event), {
    msgID: event.event_id, // the header Nats-Msg-Id: stored once, however often it is sent
    timeout: 2_000, // of each of the three tries
    retries: 3,
  });
}
