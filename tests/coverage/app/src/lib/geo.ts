import axios from 'axios';
import { logIntegrationEvent } from '@/lib/log';

const api = axios.create({ baseURL: 'https://api.mapbox.com', timeout: 5000 });

export async function geocode(city: string) {
  const started = Date.now();
  let outcome: 'success' | 'error' = 'error';
  try {
    const { data } = await api.get(`/geocoding/v5/mapbox.places/${city}.json`);
    outcome = 'success';
    return data;
  } finally {
    logIntegrationEvent('mapbox', outcome === 'success' ? 'mapbox_geocode_ok' : 'mapbox_error', outcome, {
      latency_ms: Date.now() - started,
    });
  }
}

export async function reverse(lat: number, lon: number) {
  const { data } = await api.get(`/geocoding/v5/mapbox.places/${lat},${lon}.json`); // EXPECT not-logged mapbox success,error
  return data;
}

function unrelated() {
  logIntegrationEvent('mapbox', 'mapbox_geocode_ok', 'success');
  logIntegrationEvent('mapbox', 'mapbox_error', 'error');
}

export async function anywhere(address: string) {
  return axios.get(address); // EXPECT unknown-address - -
}

export async function ours() {
  unrelated();
  return axios.get('/api/cities');
}
