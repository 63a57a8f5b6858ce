import { logIntegrationEvent } from '../_shared/log.ts';

Deno.serve(async () => {
  const response = await fetch('https://ivs.idenfy.com/api/v2/token', { method: 'POST' }); // EXPECT not-logged idenfy success,error
  const token = await response.json();
  await logIntegrationEvent({ provider: 'idenfy', event: 'idenfy_token_issued', outcome: 'success' });
  return Response.json(token);
});
