import posthog from 'posthog-js';
import * as Sentry from '@sentry/react-native';
import { captureException as report } from '@sentry/react-native';
import { logIntegrationEvent } from './log';

export function capture(name: string) {
  try {
    posthog.capture(name);
    logIntegrationEvent('posthog', 'posthog_event_captured', 'success');
  } catch (error) {
    logIntegrationEvent('posthog', 'posthog_error', 'error');
  }
}

export function crash(error: unknown) {
  Sentry.captureException(error); // EXPECT not-logged sentry success
}

export function crashLogged(error: unknown) {
  try {
    report(error);
    logIntegrationEvent('sentry', 'sentry_event_captured', 'success');
  } catch (failed) {
    logIntegrationEvent('sentry', 'sentry_error', 'success'); // EXPECT wrong-outcome sentry -
  }
}
