import twilio from 'npm:twilio@5';
import { logIntegrationEvent } from '../_shared/log.ts';

const client = twilio(Deno.env.get('TWILIO_ACCOUNT_SID'), Deno.env.get('TWILIO_AUTH_TOKEN'));

async function sendSms(to: string, body: string) {
  return client.messages.create({ to, body });
}

Deno.serve(async (request) => {
  const { to } = await request.json();
  try {
    const message = await sendSms(to, 'code');
    await logIntegrationEvent({ provider: 'twilio', event: 'twilio_sms_sent', outcome: 'success' });
    return Response.json({ sid: message.sid });
  } catch (error) {
    await logIntegrationEvent({ provider: 'twilio', event: 'twilio_error', outcome: 'error' });
    return new Response('no', { status: 502 });
  }
});
