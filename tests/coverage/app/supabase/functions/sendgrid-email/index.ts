import { logIntegrationEvent } from '../_shared/log.ts';

const SENDGRID = 'https://api.sendgrid.com';

Deno.serve(async (request) => {
  const { to } = await request.json();
  const response = await fetch(`${SENDGRID}/v3/mail/send`, {
    method: 'POST',
    body: JSON.stringify({ to }),
  });
  if (!response.ok) {
    await logIntegrationEvent({ provider: 'sendgrid', event: 'sendgrid_error', outcome: 'error' });
    return new Response('no', { status: 502 });
  }
  await logIntegrationEvent({ provider: 'sendgrid', event: 'sendgrid_email_sent', outcome: 'success' });
  return new Response('ok');
});
