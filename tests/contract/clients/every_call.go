// Every call of the API through the generated Go client. In the environment: see every_call.py.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"

	bff "device-bff.example/client/devicebff"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%v instead of %v", actual, expected))
	}
}

func client(url string) *bff.APIClient {
	settings := bff.NewConfiguration()
	settings.Servers = bff.ServerConfigurations{{URL: os.Getenv(url)}}
	return bff.NewAPIClient(settings)
}

func signedIn(token string) context.Context {
	return context.WithValue(context.Background(), bff.ContextAccessToken, os.Getenv(token))
}

func refused(err error, code bff.ErrorCode) {
	problem := err.(*bff.GenericOpenAPIError).Model().(bff.Problem)
	equal(problem.Code, string(code))
}

func main() {
	key := os.Getenv("DEVICE_KEY")
	ctx, api := signedIn("ACCESS_TOKEN"), client("SERVICE_URL")
	devices, sessions := api.DevicesAPI, api.SessionsAPI

	health, _, err := api.HealthAPI.GetHealth(ctx).Execute()
	check(err)
	equal(health.Status, "ok")
	readiness, _, err := api.HealthAPI.GetReadiness(ctx).Execute()
	check(err)
	equal(readiness.Ready, true)

	byVerifier := bff.NewTrackDevice(os.Getenv("OTHER_KEY"))
	byVerifier.SetSecretVerifier(*bff.NewSecretVerifier("cGFzc3dvcmQtdmVyaWZpZXI=", "c2FsdHNhbHQ="))
	other, _, err := devices.TrackDevice(signedIn("OTHER_TOKEN")).TrackDevice(*byVerifier).Execute()
	check(err)
	equal(other.Status, "remembered")
	equal(other.HasDevicePassword(), false)
	byGroupKey := bff.NewTrackDevice(key)
	byGroupKey.SetName("A client")
	byGroupKey.SetDeviceGroupKey("-generated")
	tracked, _, err := devices.TrackDevice(ctx).TrackDevice(*byGroupKey).Execute()
	check(err)
	equal(tracked.HasDevicePassword(), true)
	_, _, err = devices.TrackDevice(ctx).TrackDevice(*byGroupKey).Execute()
	refused(err, bff.DEVICE_ALREADY_TRACKED)

	listed := map[string]bff.Device{}
	for page, request := (*bff.DevicePage)(nil), devices.ListDevices(ctx).Limit(1); ; {
		page, _, err = request.Execute()
		check(err)
		for _, device := range page.Items {
			listed[device.Id] = device
		}
		if page.NextCursor.Get() == nil {
			break
		}
		request = request.Cursor(*page.NextCursor.Get())
	}
	equal(len(listed), 4)
	shown, _, err := devices.GetDevice(ctx, key).Execute()
	check(err)
	equal(*shown, listed[key])
	current, _, err := devices.GetCurrentDevice(ctx).Execute()
	check(err)
	equal(current, shown)
	equal(shown.DeviceType.Get(), (*string)(nil))

	noLonger := *bff.NewStatusUpdate("not_remembered")
	changed, _, err := devices.UpdateDevice(ctx, key).StatusUpdate(noLonger).Execute()
	check(err)
	equal(changed.Status, "not_remembered")
	_, _, err = devices.GetDevice(ctx, key).Execute()
	refused(err, bff.DEVICE_NOT_FOUND)
	again := *bff.NewStatusUpdate("remembered")
	changed, _, err = devices.UpdateCurrentDevice(ctx).StatusUpdate(again).Execute()
	check(err)
	equal(changed.Id, key)

	page, _, err := sessions.ListSessions(ctx).Execute()
	check(err)
	others := []string{}
	for _, session := range page.Items {
		if !session.Current {
			others = append(others, session.Id)
		}
	}
	equal(len(others), 3)
	_, err = sessions.EndSession(ctx, others[0]).Linked(true).Reason("not-mine").Execute()
	check(err)
	ended, _, err := sessions.EndSessions(ctx).Scope("others").Execute()
	check(err)
	equal(ended.Ended, others[1:])

	report, _, err := devices.ForgetDevices(ctx).Scope("others").Execute()
	check(err)
	equal(len(report.Forgotten), 3)
	_, err = devices.ForgetDevice(ctx, key).Execute()
	check(err)
	_, err = devices.ForgetCurrentDevice(ctx).Execute()
	refused(err, bff.DEVICE_NOT_FOUND)

	tomorrow := client("TOMORROW_URL")
	watch, _, err := tomorrow.DevicesAPI.GetCurrentDevice(ctx).Execute()
	check(err)
	equal(*watch.DeviceType.Get(), "watch")
	equal(watch.Status, "lost")
	passkeys, _, err := tomorrow.SessionsAPI.ListSessions(ctx).Execute()
	check(err)
	equal(passkeys.Items[0].SessionType, "passkey")
	_, _, err = tomorrow.DevicesAPI.GetDevice(ctx, key).Execute()
	refused(err, "on-holiday")

	_, err = devices.SignOutEverywhere(ctx).Execute()
	check(err)
	_, _, err = devices.ListDevices(ctx).Execute()
	refused(err, bff.INVALID_TOKEN)
	fmt.Println("done")
}
