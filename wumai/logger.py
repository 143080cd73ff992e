"""placeholder: being written"""
import logging
_l = logging.getLogger('wumai')
info = _l.info
warning = _l.warning
error = _l.error
exception = _l.exception
