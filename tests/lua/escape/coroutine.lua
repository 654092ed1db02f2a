-- expect: load: there is no global 'coroutine'
coroutine.wrap(function() end)
