"""Rewrite objects that request GPUs of the device plugin, so that they claim GPUs of NVIDIA's DRA driver.

1. :mod:`.kinds` says which resources of containers become claims, and of which kind the devices are;
   :mod:`.containers` reads them.
2. :mod:`.translation` translates one requirement on a label into CEL, or says that it stays or is lost:
   :mod:`.products`, :mod:`.device_facts` and :mod:`.plugin_labels` know the labels, :mod:`.knowledge` the
   names of the devices in the cluster.
3. :mod:`.selection` applies this to the nodeSelector and the nodeAffinity of a pod, with all alternatives:
   :mod:`.claim_selectors` joins the CEL, :mod:`.terms` decides what stays of the nodeAffinity.
4. :mod:`.requests` plans one request for each container, and which of them init containers use again.
5. :mod:`.pod` changes a PodSpec; :mod:`.pod_remarks` says what else in it matters, as a :mod:`.remark`.
6. :mod:`.objects` rewrites whole objects, without the fields that the API server sets
   (:mod:`.server_fields`, with :mod:`.members`), and :mod:`.output` prints them.
"""
