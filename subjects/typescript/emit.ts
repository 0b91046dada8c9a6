import { newEvent, publish, type EventType } from "./events";

const moved = new Set((process.env.EVENTS_OVER_NATS ?? "").split(","));

type Send = (type: EventType, payload: object) => Promise<void>;

export async function emit(type: EventType, payload: object, postToMake: Send): Promise<void> {
  if (moved.has(type)) {
    await publish(newEvent(type, payload)); // if this fails, do not post instead
  } else {
    await postToMake(type, payload);
  }
}
