import { publish, type DomainEvent } from "./events";

const moved = new Set((process.env.EVENTS_OVER_NATS ?? "").split(","));

type Send = (type: string, payload: object) => Promise<void>;

export async function emit(event: DomainEvent, postToMake: Send): Promise<void> {
  if (moved.has(event.type)) {
    await publish(event); // if this fails, publish it again; do not post it instead
  } else {
    await postToMake(event.type, event.payload);
  }
}
