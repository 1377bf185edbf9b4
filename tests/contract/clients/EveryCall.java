// Every call of the API through the generated Java client. In the environment: see every_call.py.
import bff.device.ApiClient;
import bff.device.ApiException;
import bff.device.api.DevicesApi;
import bff.device.api.HealthApi;
import bff.device.api.SessionsApi;
import bff.device.model.Device;
import bff.device.model.DevicePage;
import bff.device.model.ErrorCode;
import bff.device.model.Problem;
import bff.device.model.SecretVerifier;
import bff.device.model.Session;
import bff.device.model.StatusUpdate;
import bff.device.model.StatusUpdate.StatusEnum;
import bff.device.model.TrackDevice;
import bff.device.model.TrackedDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

public class EveryCall {
  interface Call {
    void make() throws ApiException;
  }

  static void equal(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(actual + " instead of " + expected);
    }
  }

  static String set(String name) {
    return System.getenv(name);
  }

  static ApiClient client(String url, String token) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(set(url));
    client.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + set(token)));
    return client;
  }

  static String problemOf(Call call) throws Exception {
    try {
      call.make();
    } catch (ApiException refusal) {
      Problem problem =
          new ApiClient().getObjectMapper().readValue(refusal.getResponseBody(), Problem.class);
      equal(problem.getStatus(), refusal.getCode());
      return problem.getCode();
    }
    return null;
  }

  static void refused(Call call, ErrorCode expected) throws Exception {
    equal(problemOf(call), expected.getValue());
  }

  public static void main(String[] arguments) throws Exception {
    String key = set("DEVICE_KEY");
    ApiClient client = client("SERVICE_URL", "ACCESS_TOKEN");
    DevicesApi devices = new DevicesApi(client);
    SessionsApi sessions = new SessionsApi(client);
    HealthApi health = new HealthApi(client);

    equal(health.getHealth().getStatus(), "ok");
    equal(health.getReadiness().getReady(), true);

    SecretVerifier verifier =
        new SecretVerifier().passwordVerifier("cGFzc3dvcmQtdmVyaWZpZXI=").salt("c2FsdHNhbHQ=");
    TrackDevice byVerifier =
        new TrackDevice().deviceKey(set("OTHER_KEY")).secretVerifier(verifier);
    TrackedDevice other =
        new DevicesApi(client("SERVICE_URL", "OTHER_TOKEN")).trackDevice(byVerifier);
    equal(other.getStatus(), "remembered");
    equal(other.getDevicePassword(), null);
    TrackDevice byGroupKey =
        new TrackDevice().deviceKey(key).name("A client").deviceGroupKey("-generated");
    equal(devices.trackDevice(byGroupKey).getDevicePassword() == null, false);
    refused(() -> devices.trackDevice(byGroupKey), ErrorCode.DEVICE_ALREADY_TRACKED);

    List<Device> listed = new ArrayList<>();
    String cursor = null;
    do {
      DevicePage page = devices.listDevices(1, cursor);
      listed.addAll(page.getItems());
      cursor = page.getNextCursor();
    } while (cursor != null);
    equal(listed.size(), 4);
    Device shown = devices.getDevice(key);
    equal(listed.contains(shown), true);
    equal(devices.getCurrentDevice(), shown);
    equal(shown.getDeviceType(), null);

    StatusUpdate noLonger = new StatusUpdate().status(StatusEnum.NOT_REMEMBERED);
    equal(devices.updateDevice(key, noLonger).getStatus(), "not_remembered");
    refused(() -> devices.getDevice(key), ErrorCode.DEVICE_NOT_FOUND);
    StatusUpdate again = new StatusUpdate().status(StatusEnum.REMEMBERED);
    equal(devices.updateCurrentDevice(again).getId(), key);

    List<String> others = new ArrayList<>();
    for (Session session : sessions.listSessions(null).getItems()) {
      if (!session.getCurrent()) {
        others.add(session.getId());
      }
    }
    equal(others.size(), 3);
    sessions.endSession(others.get(0), true, "not-mine");
    equal(sessions.endSessions("others", null).getEnded(), others.subList(1, 3));

    equal(devices.forgetDevices("others", null, null).getForgotten().size(), 3);
    devices.forgetDevice(key, null);
    refused(() -> devices.forgetCurrentDevice(), ErrorCode.DEVICE_NOT_FOUND);

    ApiClient tomorrow = client("TOMORROW_URL", "ACCESS_TOKEN");
    Device watch = new DevicesApi(tomorrow).getCurrentDevice();
    equal(watch.getDeviceType(), "watch");
    equal(watch.getStatus(), "lost");
    Session passkey = new SessionsApi(tomorrow).listSessions(null).getItems().get(0);
    equal(passkey.getSessionType(), "passkey");
    equal(problemOf(() -> new DevicesApi(tomorrow).getDevice(key)), "on-holiday");

    devices.signOutEverywhere();
    refused(() -> devices.listDevices(null, null), ErrorCode.INVALID_TOKEN);
    System.out.println("done");
  }
}
