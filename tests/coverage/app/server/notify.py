import functools

import boto3
import httpx
import requests
from firebase_admin import messaging
from releaseguard import log_integration_event
from twilio.rest import Client

from .settings import CLOUDFLARE_API

twilio = Client("sid", "token")
rekognition = boto3.client("rekognition", region_name="eu-west-1")
s3 = boto3.client("s3")


def logged(provider, event):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            try:
                result = function(*args, **kwargs)
            except Exception:
                log_integration_event(provider, f"{provider}_error", "error")
                raise
            log_integration_event(provider, event, "success")
            return result

        return wrapper

    return decorate


@logged("google_push", "google_push_sent")
def push(token):
    return messaging.send(messaging.Message(token=token))


def push_plain(token):
    return messaging.send(messaging.Message(token=token))  # EXPECT not-logged google_push success,error


class Sms:
    def __init__(self):
        self.client = Client("sid", "token")

    def send(self, to):
        try:
            self.client.messages.create(to=to, body="x")
        except Exception as error:
            log_integration_event(provider="twilio", event="twilio_error", outcome="error", error_code=str(error))
            raise
        else:
            log_integration_event(provider="twilio", event="twilio_sms_sent", outcome="success")

    def verify(self, to):
        self.client.verify.v2.services("x").verifications.create(to=to)  # EXPECT not-logged twilio success,error


def scan(blob):
    s3.put_object(Bucket="b", Key="k", Body=blob)
    try:
        rekognition.detect_moderation_labels(Image={"Bytes": blob})
        log_integration_event("aws_rekognition", "aws_rekognition_scan_ok", "success")
    except Exception:
        log_integration_event("aws_rekognition", "aws_rekognition_error", "error")


async def purge(zone):
    async with httpx.AsyncClient(base_url=CLOUDFLARE_API) as client:
        answer = await client.post(f"/zones/{zone}/purge_cache")
        if answer.status_code != 200:
            log_integration_event("cloudflare", "cloudflare_error", "error", error_code=str(answer.status_code))
            return
        log_integration_event("cloudflare", "cloudflare_request_ok", "success")


def deploy():
    with requests.Session() as session:
        session.post("https://api.vercel.com/v13/deployments")  # EXPECT not-logged vercel success,error


def apple(token, payload):
    answer = httpx.post(f"https://api.push.apple.com/3/device/{token}", json=payload)  # EXPECT not-logged apple_push success
    if answer.is_error:
        log_integration_event("apple_push", "apple_push_error", "error")
    if False:
        log_integration_event("apple_push", "apple_push_sent", "success")
