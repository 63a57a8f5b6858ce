import { useCallback } from 'react';
import { useMutation } from '@tanstack/react-query';
import { supabase } from '@/lib/supabase';
import { logIntegrationEvent } from '@/lib/log';

export function Discover() {
  const load = useCallback(async () => {
    const { data, error } = await supabase.rpc('discover', { page: 1 });
    if (error) logIntegrationEvent('supabase', 'supabase_error', 'error', { error_code: error.code });
    else logIntegrationEvent('supabase', 'supabase_rpc_ok', 'success');
    return data;
  }, []);
  const publish = useMutation({
    mutationFn: async (id: string) => supabase.from('moments').insert({ id }).select().throwOnError(),
    onSuccess: () => logIntegrationEvent('supabase', 'moment_published', 'success'),
    onError: (error) => logIntegrationEvent('supabase', 'supabase_error', 'error', { error_code: error.name }),
  });
  const remove = useMutation({
    mutationFn: (id: string) => supabase.from('moments').delete().eq('id', id), // EXPECT not-logged supabase success,error
    onSuccess: () => logIntegrationEvent('supabase', 'supabase_rpc_ok', 'success'),
  });
  return <Button onPress={load} onLongPress={() => publish.mutate('1')} onHold={() => remove.mutate('1')} />;
}

export async function signIn(email: string, password: string) {
  const { error } = await supabase.auth.signInWithPassword({ email, password });
  if (!error) {
    logIntegrationEvent('supabase', 'supabase_rpc_ok', 'success');
    return true;
  }
  logIntegrationEvent('supabase', 'supabase_error', 'error');
  return false;
}

export async function upload(file: Blob) {
  const { error } = await supabase.storage.from('proofs').upload('a.png', file); // EXPECT not-logged supabase error
  if (error) throw error;
  logIntegrationEvent('supabase', 'proof_submitted', 'success');
}
