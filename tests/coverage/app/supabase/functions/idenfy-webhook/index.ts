import { createClient } from 'sb';
import { logIntegrationEvent, withIntegrationLog } from '../_shared/log.ts';

const supabase = createClient('https://abc.supabase.co', 'key');

Deno.serve(async (request) => { // EXPECT not-received idenfy success
  const body = await request.json();
  const { data, error } = await supabase.from('kyc').update({ status: body.status }).eq('id', body.id);
  if (error) {
    await logIntegrationEvent({ provider: 'supabase', event: 'supabase_error', outcome: 'error' });
    throw error;
  }
  await logIntegrationEvent({ provider: 'supabase', event: 'supabase_rpc_ok', outcome: 'success' });
  await withIntegrationLog('supabase', 'supabase_rpc_ok', async () => supabase.rpc('kyc_done', { id: body.id }));
  await withIntegrationLog('supabase', 'supabase_rpc_okay', () => supabase.rpc('kyc_twice')); // EXPECT unknown-event supabase -
  return Response.json(data);
});
