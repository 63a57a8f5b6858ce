import * as Notifications from 'expo-notifications';
import { logIntegrationEvent } from '@/lib/log';

async function send(url: string, body: object): Promise<Response> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

export async function notify(to: string) {
  try {
    await send('https://exp.host/--/api/v2/push/send', { to });
    logIntegrationEvent('expo_push', 'expo_push_sent', 'success');
  } catch {
    logIntegrationEvent('expo_push', 'expo_push_error', 'error');
  }
}

export const notifyAll = (all: string[]) => send('https://exp.host/--/api/v2/push/send', all); // EXPECT not-logged expo_push success,error

export async function register(retries = 3) {
  for (let i = 0; i < retries; i++) {
    try {
      const token = await Notifications.getExpoPushTokenAsync();
      logIntegrationEvent('expo_push', 'expo_push_sent', 'success');
      return token;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  logIntegrationEvent('expo_push', 'expo_push_error', 'error');
  return null;
}
