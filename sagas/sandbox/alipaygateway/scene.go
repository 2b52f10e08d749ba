package alipaygateway

// transferScene is what the sandbox's merchant has agreed on.
const transferScene = "业务结算"

// errNoScene is what transfers are refused with that do not say what they are for. Its words
// are not known.
var errNoScene = failed("TRANSFER_SCENE_NAME_BLANK", "转账场景不能为空")

// checkScene refuses a transfer without its scene, or with a report that tells nothing.
func (t transferContent) checkScene() error {
	if t.InScene == "" {
		return errNoScene
	}
	for _, report := range t.Reports {
		if report.Type == "" || report.Content == "" || len(report.Type) > maxText || len(report.Content) > maxText {
			return failed(transferInvalid, "transfer_scene_report_infos 无效")
		}
	}
	if len(t.InScene) > maxText {
		return failed(transferInvalid, "transfer_scene_name 过长")
	}
	return nil
}
