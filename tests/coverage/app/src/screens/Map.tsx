import MapboxGL from '@rnmapbox/maps';
import { logIntegrationEvent } from '@/lib/log';

export function MapScreen() {
  const failed = () => logIntegrationEvent('mapbox', 'mapbox_error', 'error');
  return (
    <MapboxGL.MapView
      onDidFinishLoadingMap={() => logIntegrationEvent('mapbox', 'mapbox_map_rendered', 'success')}
      onMapLoadingError={failed}
    >
      <MapboxGL.Camera zoomLevel={9} />
    </MapboxGL.MapView>
  );
}

export const Plain = () => <MapboxGL.MapView style={{ flex: 1 }} />; // EXPECT not-logged mapbox success,error
