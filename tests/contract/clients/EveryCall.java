// Every call of the API through the generated Java client.
// In the environment: SERVICE_URL; ACCESS_TOKEN, of a sign-in whose device is not tracked yet;
// DEVICE_KEY, that device's. The user is also signed in from two remembered devices.
import bff.device.ApiClient;
import bff.device.ApiException;
import bff.device.api.DevicesApi;
import bff.device.api.HealthApi;
import bff.device.api.SessionsApi;
import bff.device.model.DeletionScope;
import bff.device.model.Device;
import bff.device.model.DevicePage;
import bff.device.model.DeviceStatus;
import bff.device.model.EndingScope;
import bff.device.model.ErrorCode;
import bff.device.model.Problem;
import bff.device.model.Session;
import bff.device.model.StatusUpdate;
import bff.device.model.TrackDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

public class EveryCall {
  interface Call {
    void make() throws ApiException;
  }

  static final ApiClient CLIENT = new ApiClient();

  static void equal(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(actual + " instead of " + expected);
    }
  }

  static ErrorCode problemOf(Call call) throws Exception {
    try {
      call.make();
    } catch (ApiException refusal) {
      Problem problem = CLIENT.getObjectMapper().readValue(refusal.getResponseBody(), Problem.class);
      equal(problem.getStatus(), refusal.getCode());
      return ErrorCode.fromValue(problem.getCode());
    }
    return null;
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> set = System.getenv();
    String key = set.get("DEVICE_KEY");
    CLIENT.updateBaseUri(set.get("SERVICE_URL"));
    CLIENT.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + set.get("ACCESS_TOKEN")));
    DevicesApi devices = new DevicesApi(CLIENT);
    SessionsApi sessions = new SessionsApi(CLIENT);
    HealthApi health = new HealthApi(CLIENT);

    equal(health.getHealth(null).getStatus().getValue(), "ok");
    equal(health.getReadiness(null).getReady(), true);

    TrackDevice toTrack =
        new TrackDevice().deviceKey(key).name("A client").deviceGroupKey("-generated");
    equal(devices.trackDevice(toTrack, null).getStatus().getValue(), "remembered");
    equal(
        problemOf(() -> devices.trackDevice(toTrack, null)), ErrorCode.DEVICE_ALREADY_TRACKED);

    List<Device> listed = new ArrayList<>();
    String cursor = null;
    do {
      DevicePage page = devices.listDevices(1, cursor, null);
      listed.addAll(page.getItems());
      cursor = page.getNextCursor();
    } while (cursor != null);
    equal(listed.size(), 3);
    Device shown = devices.getDevice(key, null);
    equal(listed.contains(shown), true);
    equal(devices.getCurrentDevice(null), shown);
    equal(shown.getDeviceType(), null);

    StatusUpdate noLonger = new StatusUpdate().status(DeviceStatus.NOT_REMEMBERED);
    equal(devices.updateDevice(key, noLonger, null).getStatus(), DeviceStatus.NOT_REMEMBERED);
    equal(problemOf(() -> devices.getDevice(key, null)), ErrorCode.DEVICE_NOT_FOUND);
    StatusUpdate again = new StatusUpdate().status(DeviceStatus.REMEMBERED);
    equal(devices.updateCurrentDevice(again, null).getId(), key);

    List<String> others = new ArrayList<>();
    for (Session session : sessions.listSessions(null, null).getItems()) {
      if (!session.getCurrent()) {
        others.add(session.getId());
      }
    }
    equal(others.size(), 2);
    sessions.endSession(others.get(0), true, null, null);
    equal(sessions.endSessions(EndingScope.OTHERS, null, null).getEnded(), others.subList(1, 2));

    equal(devices.forgetDevices(DeletionScope.OTHERS, null, null, null).getForgotten().size(), 2);
    devices.forgetDevice(key, null, null);
    equal(problemOf(() -> devices.forgetCurrentDevice(null)), ErrorCode.DEVICE_NOT_FOUND);

    devices.signOutEverywhere(null);
    equal(problemOf(() -> devices.listDevices(null, null, null)), ErrorCode.INVALID_TOKEN);
    System.out.println("done");
  }
}
