import { logIntegrationEvent } from '../_shared/log.ts';

const BASE_URL = Deno.env.get('PAYTR_URL') ?? 'https://www.paytr.com';

async function call(path: string, body: unknown) {
  return fetch(BASE_URL + path, { method: 'POST', body: JSON.stringify(body) });
}

export async function withdraw(amount: number) {
  const answer = await call('/odeme/transfer', { amount });
  const ok = answer.status === 200;
  await logIntegrationEvent({
    provider: 'paytr',
    event: ok ? 'paytr_withdraw_initiated' : 'paytr_error',
    outcome: ok ? 'success' : 'error',
  });
  return ok;
}

export async function refund(amount: number) {
  await logIntegrationEvent({ provider: 'paytr', event: 'paytr_withdraw_initiated', outcome: 'success' }); // too early
  return fetch(`${BASE_URL}/odeme/iade`, { method: 'POST', body: String(amount) }); // EXPECT not-logged paytr success,error
}
