export function logIntegrationEvent(provider: string, event: string, outcome: 'success' | 'error', more?: object): void {
  console.info(provider, event, outcome, more);
}
