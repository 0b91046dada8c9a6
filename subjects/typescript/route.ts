import { newEvent, publish } from "./events";

interface Payment {
  id: string;
  amount: number; // minor units: 14900 is 149.00
  currency: string;
  customer: { id: string; email: string };
}

export async function POST(request: Request): Promise<Response> {
  const payment = (await request.json()) as Payment; // its signature has been checked
  const event = newEvent(
    "payment.success",
    {
      payment_id: payment.id,
      amount: payment.amount,
      currency: payment.currency,
      purpose: "course",
      customer: payment.customer,
    },
    `payment.success-${payment.id}`, // the same id when the provider calls again
  );
  try {
    await publish(event);
    return new Response(null, { status: 204 });
  } catch (error) {
    console.error("event not published", event.event_id, error);
    return new Response(null, { status: 503 }); // so the provider calls again
  }
}
