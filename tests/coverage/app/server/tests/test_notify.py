from server.notify import push


def test_push():
    assert push("x")


def test_scan(events):
    assert events == ["aws_rekognition_scan_ok"]
