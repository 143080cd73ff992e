import pytest
from cloud.jobs import PROVIDER


def provide(sim, **answer):
    sim.http.post(PROVIDER, **{'json': {'address': '10.0.0.1'}, **answer})


def test_an_instance_is_created(cloud):
    provide(cloud)
    reply = cloud.client.call('CreateInstance', name='web-1').expect(ret_code=0)
    assert cloud.client.call('DescribeInstances')['instances'][0]['status'] == 'creating'
    cloud.run_until_idle()
    job = cloud.jobs[reply['jobId']]
    assert (job.status, job.result) == ('finished', {'address': '10.0.0.1'})
    assert cloud.client.call('DescribeInstances')['instances'] == [
        {'id': 'i-web-1', 'status': 'active'}
    ]
    assert len(cloud.slack) == len(cloud.sms) == 0
    assert cloud.operations[0].resource_ids == '["i-web-1"]'


def test_a_provider_that_is_down_for_good_makes_the_job_give_up(cloud):
    provide(cloud, status=503)
    reply = cloud.client.call('CreateInstance', name='web-1')
    cloud.run_until_idle()
    job = cloud.jobs[reply['jobId']]
    assert (job.status, job.trys) == ('error', 3)
    assert job.tries == [('error', '0s'), ('error', '10m'), ('error', '20m')]
    assert '503' in job.error
    assert 'gave up' in cloud.slack[-1].text
    assert len(cloud.sms) == 3


def test_a_busy_instance_is_not_deleted(cloud):
    provide(cloud)
    cloud.client.call('CreateInstance', name='web-1')
    cloud.client.call('DeleteInstance', instanceId='i-web-1').expect(ret_code=4105, http=409)
    cloud.advance('5s')
    cloud.client.call('DeleteInstance', instanceId='i-web-1').expect(ret_code=0)
    cloud.client.call('DeleteInstance', instanceId='i-web-1').expect(ret_code=4104, http=404)


def test_over_the_quota_nothing_is_stored(cloud):
    provide(cloud)
    for number in range(3):
        cloud.client.call('CreateInstance', name=f'web-{number}').expect(ret_code=0)
    reply = cloud.client.call('CreateInstance', name='web-3')
    assert (reply.ret_code, reply.data['used']) == (4113, 3)
    assert len(cloud.jobs) == 3
    assert cloud.operations[-1].ret_code == 4113


def test_a_worker_that_crashes_is_made_up_for(cloud):
    provide(cloud)
    cloud.http.replace('POST', PROVIDER, json={'address': '10.0.0.2'})
    reply = cloud.client.call('CreateInstance', name='web-1')
    cloud.crash_worker('w1')
    cloud.start_worker('w2')
    cloud.run_until_idle()
    assert cloud.jobs[reply['jobId']].status == 'finished'


def test_a_wrong_expectation_shows_the_world(cloud):
    reply = cloud.client.call('CreateInstance', name=7)
    with pytest.raises(AssertionError, match='retCode is 4100, not 0') as failure:
        reply.expect(ret_code=0)
    assert '"name": 7' in str(failure.value)
