import { createClient } from 'https://esm.sh/@supabase/supabase-js@2';

const admin = createClient(Deno.env.get('SUPABASE_URL')!, Deno.env.get('SUPABASE_SERVICE_ROLE_KEY')!);

export interface IntegrationEvent { provider: string; event: string; outcome: 'success' | 'error'; error_code?: string }

export async function logIntegrationEvent(event: IntegrationEvent): Promise<void> {
  await admin.from('integration_events').insert(event);
}

export async function withIntegrationLog<T>(provider: string, event: string, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    if ((result as { error?: unknown }).error) throw result;
    await logIntegrationEvent({ provider, event, outcome: 'success' });
    return result;
  } catch (error) {
    await logIntegrationEvent({ provider, event: `${provider}_error`, outcome: 'error', error_code: String(error) });
    throw error;
  }
}
